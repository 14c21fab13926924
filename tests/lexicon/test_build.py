"""Which names of the sources become names of the lexicon, and in which spelling."""

import pytest

from spacy_ssner.lexicon.build import BuildSettings, Counts, build_lexicon, count_cases
from spacy_ssner.lexicon.lexicon import Name
from spacy_ssner.lexicon.pieces import name_pieces
from spacy_ssner.lexicon.sources import Record
from spacy_ssner.lexicon.variants import derived_names, listed_names

TEXT = (
    "Open the page . The tool and this page will play it . Page two . Emotet and Emotet and will . A netstat"
)


def build(*records, text=TEXT, **settings):
    """Names as (text, cased) of `text/category` records."""
    made = [Record(*record.rsplit("/", 1)) if isinstance(record, str) else record for record in records]
    counts = None if text is None else count_cases([r.text for r in made], [text.split()])
    lexicon, dropped = build_lexicon(made, counts=counts, settings=BuildSettings(**settings))
    return {(name.text, name.cased) for name in lexicon.names}, dropped


@pytest.mark.parametrize(
    "value,names",
    [
        ("Turla - G0010", ["Turla"]),
        ("Access Token Manipulation - T1134.005", ["Access Token Manipulation"]),
        ("Lazarus - APT-C-26", ["Lazarus", "APT-C-26"]),
        ("Academia - University", ["Academia", "University"]),
        ("Archer RAT / RUSTRIC", ["Archer RAT", "RUSTRIC"]),
        ("Hive (Windows)", ["Hive"]),
        ("5ss5c(5ss5cCrypt)", ["5ss5c"]),
        ("(.v2 fysbis)", ["(.v2 fysbis)"]),
        ("Win32/KillDisk.NBI", ["Win32/KillDisk.NBI"]),
        (" APT-Q-27, ", ["APT-Q-27"]),
        ("", []),
    ],
)
def test_names_of_a_value(value, names):
    assert listed_names(value) == names


@pytest.mark.parametrize(
    "name,forms",
    [
        ("Locky Ransomware", ("Locky", "LockyRansomware")),
        ("X-Agent", ("XAgent",)),
        ("Fancy Bear", ("FancyBear",)),
        ("Emotet", ()),
        ("RAT", ()),
    ],
)
def test_derived_forms(name, forms):
    assert derived_names(name) == forms


def test_counts_by_a_slow_loop():
    names = ["Page", "Emotet", "two", "tool and", "nowhere"]
    words = TEXT.split()
    counts = count_cases(names, [words])
    assert counts.n_words == len(words)
    for name in names:
        size = len(name.split())
        places = [words[i : i + size] for i in range(len(words))]
        same = [" ".join(place) for place in places if " ".join(place).lower() == name.lower()]
        assert counts.total[name_pieces(name)] == len(same)
        assert counts.lower[name_pieces(name)] == sum(text == text.lower() for text in same)


def test_a_word_in_lower_case_in_the_text_counts_only_as_listed():
    names, _ = build("Page/malware", "Emotet/malware", "Unseen/malware")
    assert names == {("Page", True), ("Emotet", False), ("Unseen", False)}


def test_lower_share():
    text = "page " + "Page " * 9
    assert build("Page/malware", text=text, lower_share=0.1)[0] == {("Page", True)}
    assert build("Page/malware", text=text, lower_share=0.11)[0] == {("Page", False)}
    assert build("Emotet/malware", text="Emotet", lower_share=0.0)[0] == {("Emotet", False)}


def test_without_a_text_every_single_word_counts_only_as_listed():
    names, _ = build("Emotet/malware", "APT28/actor", "Fancy Bear/actor", "海莲花/actor", text=None)
    assert names == {
        ("Emotet", True), ("APT28", False), ("Fancy Bear", False), ("海莲花", False)
    }  # fmt: skip


def test_a_frequent_word_gets_a_capital_and_a_command_stays_as_typed():
    text = "page " * 100 + "netstat " + "word " * 60_000
    assert build("page/tool", "netstat/tool", text=text)[0] == {("Page", True), ("netstat", True)}
    assert build("netstat/tool", text=None)[0] == {("netstat", True)}


def test_a_proper_name_listed_in_lower_case_gets_a_capital_only_where_it_is_an_ordinary_word():
    text = "play " + "word " * 60_000
    records = [Record("play", "malware", proper=True), Record("microsoft", "vendor", proper=True)]
    assert build(*records, text=text)[0] == {("Play", True), ("microsoft", False)}


def test_derived_forms_that_are_ordinary_words_are_left_out():
    names, dropped = build("Page Ransomware/malware", "Locky Ransomware/malware")
    texts = {text for text, _ in names}
    assert {"Page Ransomware", "Locky Ransomware", "Locky"} <= texts and "Page" not in texts
    assert dropped == {"derived form is an ordinary word": 1}


def test_sectors_and_techniques_are_ordinary_words():
    text = "energy phishing screen capture"
    names, _ = build("Energy/sector", "Phishing/technique", "Screen Capture/technique", text=text)
    assert names >= {("Energy", False), ("Phishing", True), ("Screen Capture", False)}
    assert build("Energy/sector", text=None)[0] == {("Energy", False)}


@pytest.mark.parametrize(
    "text,reason",
    [
        ("will", "only stop words"),
        ("Will.", "only stop words"),
        ("888", "no letter"),
        ("@", "no letter"),
        ("7z", "shorter than 3"),
        ("a@b", "shorter than 3"),
        ("Unknown", "placeholder"),
    ],
)
def test_left_out(text, reason):
    names, dropped = build(f"{text}/malware")
    assert names == set() and dropped == {reason: 1}


def test_min_length():
    assert build("7z/tool", min_length=2)[0] == {("7z", False)}
    assert build("APT28/tool", min_length=6) == (set(), {"shorter than 6": 1})


def test_a_saved_lexicon_keeps_what_was_decided():
    records = [Record("page", "malware", False), Record("will", "malware", True)]
    lexicon, dropped = build_lexicon(records, counts=Counts())
    assert lexicon.names == (Name("page", "malware"), Name("will", "malware", True)) and not dropped


def test_settings_say_how_it_was_made():
    lexicon, _ = build_lexicon([Record("Emotet", "malware")], source="a.csv")
    assert lexicon.settings == {"min_length": 3, "common": False, "source": "a.csv"}
