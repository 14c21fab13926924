"""`lexicon` from the command line: make, look into, put into a pipeline."""

import json

import pytest
import spacy
import typer
from typer.testing import CliRunner

import spacy_ssner.cli.lexicon  # noqa: F401  (registers the command)
from spacy_ssner.cli._app import ssner_app
from spacy_ssner.cli.lexicon import find_sources
from spacy_ssner.knowledge import lexicon_of
from spacy_ssner.lexicon.lexicon import Lexicon, Name

GALAXY = {"type": "threat-actor", "values": [{"value": "APT28", "meta": {"synonyms": ["Fancy Bear"]}}, {}]}


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    (tmp_path / "galaxy").mkdir()
    (tmp_path / "galaxy" / "threat-actor.json").write_text(json.dumps(GALAXY))
    (tmp_path / "galaxy" / "README.md").write_text("no names")
    (tmp_path / "mine.csv").write_text("NewBot,malware\nPage,malware\nwill,malware\nAcme,vendor\n")
    (tmp_path / "text.txt").write_text("Open the page and this page . The Newbot\n")
    group = typer.Typer()
    group.registered_commands = [*ssner_app.registered_commands]
    group.command("other")(lambda: None)  # typer drops the name of a single command
    return lambda *arguments: CliRunner().invoke(group, ["lexicon", *map(str, arguments)])


def plain(result):
    return " ".join(result.output.split())


def test_make_and_show(run, tmp_path):
    result = run("galaxy", "mine.csv", "out/names.lex", "--common", "text.txt")
    assert result.exit_code == 0, result.output
    output = plain(result)
    assert "threat-actor.json (MISP threat-actor): 2 actor" in output
    assert "[SW255] threat-actor.json: 1 of 3 records were skipped: 1 no value." in output
    assert "Common text: 2 names occur, 1 in lower case" in output
    assert "malware 2 1" in output and "Left out: 1 only stop words" in output
    lexicon = Lexicon.from_disk(tmp_path / "out" / "names.lex")
    assert lexicon.categories == ("actor", "malware", "vendor")
    assert {Name("NewBot", "malware"), Name("Page", "malware", True), Name("FancyBear", "actor")} <= set(
        lexicon.names
    )
    assert lexicon.settings == {"min_length": 3, "common": True, "source": "galaxy, mine.csv"}
    shown = plain(run("--show", "out/names.lex", "apt-28", "page", "nothing"))
    assert "apt-28 APT28 actor any" in shown and "page Page malware as listed" in shown
    assert "nothing - - not listed" in shown
    assert "6 names" in plain(run("--show", "out/names.lex"))


def test_without_a_text_single_words_count_only_as_listed(run, tmp_path):
    assert "No --common text" in run("mine.csv", "names.lex").output
    assert Name("NewBot", "malware", True) in Lexicon.from_disk(tmp_path / "names.lex").names


def test_category_only_and_min_length(run, tmp_path):
    options = ["--category", "mine.csv=tool", "--only", "tool", "--only", "sector", "--min-length", 5]
    result = run("galaxy", "mine.csv", "names.lex", *options)
    assert result.exit_code == 0 and "3 shorter than 5" in plain(result)
    assert "SW256" in plain(result) and "sector" in plain(result)
    assert [n.text for n in Lexicon.from_disk(tmp_path / "names.lex").names] == ["NewBot"]


def test_a_lexicon_and_more_names_make_a_lexicon(run, tmp_path):
    run("galaxy", "names.lex", "--common", "text.txt")
    (tmp_path / "more.jsonl").write_text('{"name": "Sandfly9", "category": "actor"}')
    assert run("names.lex", "more.jsonl", "more.lex").exit_code == 0
    old, new = (set(Lexicon.from_disk(tmp_path / name).names) for name in ("names.lex", "more.lex"))
    assert new - old == {Name("Sandfly9", "actor")} and old < new


def test_replace(run, tmp_path, make_nlp):
    make_nlp("bilstm", "lexicon").to_disk(tmp_path / "old")
    (tmp_path / "more.csv").write_text("Vexbot9,malware\n")
    assert run("old", "more.csv", "more.lex").exit_code == 0
    result = run("--replace", "old", "more.lex", "new")
    assert result.exit_code == 0, result.output
    names = lexicon_of(spacy.load(tmp_path / "new").get_pipe("ssner").model).names
    assert Name("Vexbot9", "malware") in names and Name("Turla", "actor") in names
    result = run("--replace", "old", "more.lex", "new")
    assert result.exit_code == 1 and "S308" in result.output
    result = run("--replace", "old", "more.lex", "more.lex/below/new")
    assert result.exit_code == 1 and "S289" in result.output
    assert run("--replace", "old", "more.lex", "deep/new").exit_code == 0
    assert "Vexbot9" in run("--show", "new", "vexbot-9").output


@pytest.mark.parametrize(
    "arguments,code",
    [
        (["mine.csv"], "S262"),
        (["galaxy", "mine.csv"], "S262"),
        (["mine.csv", "galaxy"], "S262"),
        (["none.csv", "names.lex"], "S263"),
        (["empty", "names.lex"], "S263"),
        (["text.txt", "names.lex"], "S268"),
        (["deep.json", "names.lex"], "S268"),
        (["mine.csv", "names.lex", "--category", "other.csv=tool"], "S133"),
        (["mine.csv", "names.lex", "--category", "mine.csv"], "S133"),
        (["mine.csv", "names.lex", "--category", "mine.csv="], "S133"),
        (["mine.csv", "names.lex", "--only", "actor"], "S137"),
        (["mine.csv", "names.lex", "--common", "none.txt"], "S263"),
        (["mine.csv", "names.lex", "--common", "names.pdf"], "S260"),
        (["mine.csv", "names.lex", "--min-length", "99"], "S269"),
        (["--show", "none.lex", "a"], "S263"),
        (["--show", "mine.csv", "a"], "S267"),
        (["--replace", "mine.csv", "names.lex"], "S262"),
        (["--replace", "nowhere", "mine.csv", "new"], "S270"),
    ],
)
def test_errors(run, tmp_path, arguments, code):
    (tmp_path / "empty").mkdir()
    (tmp_path / "deep.json").write_text("[" * 10**5)
    result = run(*arguments)
    assert result.exit_code == 1 and f"[{code}]" in result.output, result.output
    assert isinstance(result.exception, SystemExit)
    assert not (tmp_path / "names.lex").exists() and not (tmp_path / "new").exists()


def test_replace_needs_an_ssner_with_a_lexicon_of_the_same_categories(run, tmp_path, make_nlp):
    make_nlp("bilstm").to_disk(tmp_path / "plain")
    make_nlp("bilstm", "lexicon").to_disk(tmp_path / "reads")
    assert run("mine.csv", "names.lex").exit_code == 0
    for arguments, code in (
        (["plain"], "S132"), (["reads"], "S131"), (["plain", "--component", "ner"], "S262")
    ):  # fmt: skip
        pipeline, *options = arguments
        result = run("--replace", pipeline, "names.lex", "new", *options)
        assert result.exit_code == 1 and f"[{code}]" in result.output
        assert not (tmp_path / "new").exists()


def test_of_a_checkout_of_misp_galaxy_the_clusters_of_names_are_read(tmp_path):
    galaxy = tmp_path / "misp-galaxy"
    (galaxy / "clusters").mkdir(parents=True)
    (galaxy / "package.json").write_text("{}", encoding="utf8")
    for stem in ("threat-actor", "firearms"):
        content = {"type": stem, "values": [{"value": f"Some {stem}"}]}
        (galaxy / "clusters" / f"{stem}.json").write_text(json.dumps(content), encoding="utf8")
    assert find_sources([galaxy]) == [galaxy / "clusters" / "threat-actor.json"]
    assert find_sources([galaxy / "clusters"]) == find_sources([galaxy])
    (galaxy / "clusters").rename(galaxy / "mine")
    assert len(find_sources([galaxy / "mine"])) == 2  # a folder of one's own: all of it


def test_suffixes_in_capitals(run, tmp_path):
    (tmp_path / "names").mkdir()
    for name, text in (("names/A.CSV", "NewBot,malware\n"), ("B.CSV", "OldBot,malware\n")):
        (tmp_path / name).write_text(text)
    assert run("names", "B.CSV", "names.lex").exit_code == 0
    assert {name.text for name in Lexicon.from_disk(tmp_path / "names.lex").names} == {"NewBot", "OldBot"}
    result = run("mine.csv", "B.CSV")
    assert result.exit_code == 1 and "S262" in result.output
    assert (tmp_path / "B.CSV").read_text() == "OldBot,malware\n"
