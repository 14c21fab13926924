"""The command `pseudo-label`: annotated data and text in, a mixture to train on out."""

import pytest
import spacy
from spacy.tokens import Doc, DocBin
from spacy.vocab import Vocab
from typer.testing import CliRunner

from spacy_ssner.cli import pseudo_label  # noqa: F401
from spacy_ssner.cli._app import ssner_app
from spacy_ssner.text.docbins import load_docbin

TEXT = """APT29 used Mimikatz against Acme Corp in Kyiv.
The group Lazarus dropped Emotet against Acme Corp.
"""


def run(*args):
    result = CliRunner().invoke(ssner_app, ["pseudo-label", *map(str, args)])
    return result.exit_code, " ".join(result.output.split())


@pytest.fixture
def files(trained_path, tmp_path):
    """Annotated sentences without spacing, as CoNLL files give them, and text."""
    nlp = spacy.load(trained_path)
    words = "The group Turla dropped Emotet .".split()
    doc = Doc(nlp.vocab, words=words, sent_starts=[i == 0 for i in range(6)])
    doc.ents = [spacy.tokens.Span(doc, 2, 3, label=nlp.get_pipe("ssner").labels[0])]
    DocBin(docs=[doc]).to_disk(tmp_path / "train.spacy")
    (tmp_path / "reports.txt").write_text(TEXT)
    return tmp_path / "train.spacy", tmp_path / "reports.txt", tmp_path / "out.spacy"


def test_a_mixture(files, trained_path):
    train, text, out = files
    code, shown = run(train, text, out, "--teacher", trained_path, "--repeat", 3)
    assert code == 0, shown
    docs = load_docbin(out, Vocab())
    assert sorted(len(doc) for doc in docs) == [6, 6, 6, 8, 9] and all(doc.has_unknown_spaces for doc in docs)
    label = next(doc for doc in docs if doc[0].text == "APT29")
    nlp = spacy.load(trained_path)
    found = nlp(Doc(nlp.vocab, words=[token.text for token in label])).ents
    types = nlp.get_pipe("ssner").labels[:1]  # the only one of the annotated data
    assert [(e.text, e.label_) for e in label.ents] == [
        (e.text, e.label_) for e in found if e.label_ in types
    ]
    assert label.ents and all(token.ent_iob for token in label)  # one teacher agrees with itself
    assert "SW150" in shown and "2 sentences read" in shown  # its other types are left out, and told


def test_natural_text_and_excluded_sentences(files, trained_path):
    train, text, out = files
    nlp = spacy.load(trained_path)
    doc = nlp("The group Turla dropped Emotet.")
    DocBin(docs=[doc]).to_disk(train)
    other = train.with_name("test.spacy")
    DocBin(docs=[nlp.make_doc(TEXT.splitlines()[1])]).to_disk(other)
    code, shown = run(
        train, text, out, "-t", trained_path, "-t", trained_path, "--exclude", other, "--repeat", 1
    )
    assert code == 0 and "1 excluded" in shown, shown
    texts = {doc.text for doc in load_docbin(out, Vocab())}
    assert texts == {"The group Turla dropped Emotet.", TEXT.splitlines()[0]}


def test_patterns_of_files(files, trained_path):
    train, text, out = files
    (text.parent / "reports" / "2019").mkdir(parents=True)
    text.rename(text.parent / "reports" / "2019" / "a.txt")
    (text.parent / "reports" / "b.txt").write_text("Nobody heard of the group Turla again.\n")
    pattern = text.parent / "reports" / "**" / "*.txt"
    code, shown = run(train, pattern, text.parent / "reports" / "b.txt", out, "-t", trained_path)
    assert code == 0 and "3 sentences read" in shown, shown  # that of b.txt once


def test_what_is_wrong_is_said(files, trained_path, tmp_path):
    train, text, out = files
    (tmp_path / "short.txt").write_text("Too short.\n")
    (tmp_path / "other.txt").write_text("We went home by train and had some tea there.\n")
    nothing = spacy.blank("en")
    nothing.add_pipe("ssner_ioc")
    nothing.to_disk(tmp_path / "rules")
    cases = [
        ((train, text, train, "-t", trained_path), "S233"),
        ((train, text, train / "out.spacy", "-t", "no_pipeline"), "S289"),  # before the work
        ((train, text, tmp_path / "out.txt", "-t", trained_path), "S233"),
        (
            (train, text, tmp_path / "dev.spacy", "-t", trained_path, "--exclude", tmp_path / "dev.spacy"),
            "S233",
        ),
        ((train, tmp_path / "none.txt", out, "-t", trained_path), "S263"),
        ((train, tmp_path / "*.html", out, "-t", trained_path), "S263"),
        ((train, tmp_path / "short.txt", out, "-t", trained_path), "S228"),
        ((train, text, out, "-t", tmp_path / "none"), "S270"),
        ((train, text, out, "-t", tmp_path / "rules"), "S150"),
    ]
    for args, code in cases:
        exit_code, shown = run(*args)
        assert exit_code == 1 and code in shown, (code, shown)
    assert not out.exists()
