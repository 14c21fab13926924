import colorsys
from itertools import combinations

import pytest
from spacy import displacy
from spacy.displacy.render import DEFAULT_LABEL_COLORS, EntityRenderer

from spacy_ssner.colors import COLOR_FAMILIES, DISPLACY_COLORS

CORPORA = {
    "dnrti": "HackOrg Tool Area Time OffAct SamFile Idus Org Exp SecTeam Way Features Purp",
    "cyner": "Indicator System Malware Organization Vulnerability",
    "aptner": "APT MAL TOOL IDTY LOC TIME ACT FILE SECTEAM VULNAME VULID DOM PROT OS SHA2 IP ENCR MD5 URL "
    "EMAIL SHA1",
    "annoctr": "ORG DATE LOC SECTOR CLICommand/CodeSnippet MALWARE CON TECHNIQUE GROUP TACTIC TOOL",
    "malwaretextdb": "Entity Action Modifier",
}


def rgb(color):
    return [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]


def contrast_with_black(color):
    """WCAG 2.1: (L + 0.05) / 0.05, L the relative luminance."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb(color)]
    return (0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] + 0.05) / 0.05


def hue(color):
    return 360 * colorsys.rgb_to_hsv(*rgb(color))[0]


@pytest.mark.parametrize("corpus,n_types", [(c, n) for c, n in zip(CORPORA, (13, 5, 21, 11, 3))])
def test_every_type_has_a_colour_of_its_own(corpus, n_types):
    labels = CORPORA[corpus].split()
    assert len(labels) == n_types and set(labels) <= set(DISPLACY_COLORS)
    for a, b in combinations(labels, 2):
        distance = sum((x - y) ** 2 for x, y in zip(rgb(DISPLACY_COLORS[a]), rgb(DISPLACY_COLORS[b]))) ** 0.5
        assert distance > 0.04, (a, b)


def test_nothing_but_the_types_has_a_colour():
    assert set(DISPLACY_COLORS) == {label for labels in CORPORA.values() for label in labels.split()}
    assert sum(len(family) for family in COLOR_FAMILIES.values()) == len(DISPLACY_COLORS)


@pytest.mark.parametrize("label", DISPLACY_COLORS)
def test_black_text_is_readable(label):
    assert contrast_with_black("#ffffff") == pytest.approx(21)
    assert contrast_with_black(DISPLACY_COLORS[label]) >= 4.5


@pytest.mark.parametrize("family", COLOR_FAMILIES)
def test_related_types_have_related_hues(family):
    hues = [hue(color) for color in COLOR_FAMILIES[family].values()]
    gaps = [min(abs(a - b), 360 - abs(a - b)) for a, b in combinations(hues, 2)]
    assert max(gaps, default=0) <= 60


def test_labels_that_differ_in_case_agree():
    upper = {}
    for label, color in DISPLACY_COLORS.items():
        assert upper.setdefault(label.upper(), color) == color


def test_other_pipelines_are_not_repainted():
    for label in set(DEFAULT_LABEL_COLORS) & {label.upper() for label in DISPLACY_COLORS}:
        colors = {k.upper(): color for k, color in DISPLACY_COLORS.items()}
        assert colors[label] == DEFAULT_LABEL_COLORS[label]


@pytest.mark.parametrize("label", ["HackOrg", "CLICommand/CodeSnippet", "TOOL"])
def test_displacy_finds_mixed_case_labels(label):
    assert EntityRenderer({"colors": DISPLACY_COLORS}).colors[label.upper()] == DISPLACY_COLORS[label]
    parsed = {"text": "x", "ents": [{"start": 0, "end": 1, "label": label}]}
    html = displacy.render(
        parsed, style="ent", manual=True, jupyter=False, options={"colors": DISPLACY_COLORS}
    )
    assert f"background: {DISPLACY_COLORS[label]}" in html
