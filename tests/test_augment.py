"""Names of the lexicon in place of those of the training data."""

import random

import pytest
import spacy
from spacy.tokens import Doc, DocBin
from spacy.training import Corpus, Example
from spacy.util import registry

from spacy_ssner.augment import CLEAR, LEAST_MENTIONS, clear_categories, make_swap_names
from spacy_ssner.lexicon.lexicon import Lexicon, Name

CONFIG = {"nlp": {"tokenizer": {"@tokenizers": "spacy-ssner.CTITokenizer.v1"}}}
LISTED = {
    "malware": ("EventBot", "Agent Smith", "Win32/Zbot"),
    "actor": ("APT28", "Fancy Bear"),
    "tool": ("nmap",),
}
LEXICON = Lexicon(Name(text, category) for category, names in LISTED.items() for text in names)
SENTENCES = [
    ("APT28 used EventBot , and EventBot spread .".split(), "B-Group O B-Malware O O B-Malware O O".split()),
    ("What Agent Smith does .".split(), "O B-Malware I-Malware O O".split()),
    ("Nobody knows Carbanak .".split(), "O O B-Malware O".split()),
]


@pytest.fixture(scope="module")
def nlp():
    return spacy.blank("en", config=CONFIG)


@pytest.fixture
def files(nlp, tmp_path):
    """A lexicon and a corpus of published tokens."""
    LEXICON.to_disk(tmp_path / "names.lex")
    docs = [Doc(nlp.vocab, words=words, ents=tags) for words, tags in SENTENCES]
    DocBin(docs=docs * LEAST_MENTIONS).to_disk(tmp_path / "train.spacy")
    return {"lexicon": tmp_path / "names.lex", "corpus": tmp_path / "train.spacy"}


def read(nlp, files, **settings):
    """Examples of the sentences, each once."""
    random.seed(0)
    corpus = Corpus(files["corpus"], limit=len(SENTENCES), augmenter=make_swap_names(**files, **settings))
    return list(corpus(nlp))


def tags_of(doc):
    return [f"{t.ent_iob_}-{t.ent_type_}" if t.ent_type_ else t.ent_iob_ for t in doc]


def test_copies_hold_other_names_in_the_same_places(nlp, files):
    examples = read(nlp, files, share=1.0)
    assert len(examples) == 5  # the last sentence has no listed name
    categories = {"Malware": "malware", "Group": "actor"}
    for original, copy in zip(examples[0:4:2], examples[1:4:2]):
        first, second = original.reference, copy.reference
        assert [ent.label_ for ent in first.ents] == [ent.label_ for ent in second.ents]
        for ent in second.ents:
            assert [name.category for name in LEXICON.look_up(ent.text)] == [categories[ent.label_]]
        around = [[token.text for token in doc if not token.ent_type_] for doc in (first, second)]
        assert around[0] == around[1]
        assert [t.text for t in copy.predicted] == [t.text for t in second] and not copy.predicted.ents
        assert copy.get_aligned_ner() and None not in copy.get_aligned_ner()
    assert [t.text for t in examples[4].reference] == SENTENCES[2][0]


def test_the_training_data_may_be_a_folder(nlp, files):
    folder = {**files, "corpus": files["corpus"].parent}
    assert len(read(nlp, folder, share=1.0)) == 5


def test_originals_stay_as_they_are(nlp, files):
    examples = read(nlp, files, share=1.0)
    originals = [examples[0], examples[2], examples[4]]
    assert [([t.text for t in eg.reference], tags_of(eg.reference)) for eg in originals] == SENTENCES


def test_no_share_no_copies(nlp, files):
    assert len(read(nlp, files)) == len(read(nlp, files, share=0.0)) == 3
    assert make_swap_names() is make_swap_names(share=0)


def test_a_share_of_the_names(nlp, files):
    """Of 400 names of the first sentence about a quarter."""
    n = 0
    random.seed(0)
    augment = make_swap_names(**files, share=0.25)
    for _ in range(133):
        original, *copies = augment(nlp, Corpus(files["corpus"])(nlp).__next__())
        for copy in copies:
            n += sum(a.text != b.text for a, b in zip(original.reference.ents, copy.reference.ents))
    assert 40 < n < 100  # some get their own name again


def test_raw_text_is_cut_by_the_pipeline(nlp, files, tmp_path):
    doc = nlp("EventBot, new, spreads;\nEventBot's back.")
    doc.ents = [doc.char_span(0, 8, label="Malware"), doc.char_span(24, 32, label="Malware")]
    DocBin(docs=[doc] * LEAST_MENTIONS).to_disk(tmp_path / "raw.spacy")
    random.seed(3)
    augment = make_swap_names(files["lexicon"], tmp_path / "raw.spacy", 1.0)
    for _ in range(20):
        _, copy = augment(nlp, next(Corpus(tmp_path / "raw.spacy")(nlp)))
        first, second = (ent.text for ent in copy.reference.ents)
        assert copy.reference.text == f"{first}, new, spreads;\n{second}'s back." == copy.predicted.text
        assert {first, second} <= set(LISTED["malware"])
        assert None not in copy.get_aligned_ner()


def test_what_is_not_annotated_stays_so_and_sentences_too(nlp, files, tmp_path):
    words = "See Agent Smith . No idea".split()
    ents = ["O", "B-Malware", "I-Malware", "O", "", ""]
    doc = Doc(nlp.vocab, words=words, ents=ents, sent_starts=[True, False, False, False, True, False])
    DocBin(docs=[doc] * LEAST_MENTIONS).to_disk(tmp_path / "part.spacy")
    random.seed(1)
    augment = make_swap_names(files["lexicon"], tmp_path / "part.spacy", 1.0)
    for _ in range(10):
        _, copy = augment(nlp, next(Corpus(tmp_path / "part.spacy")(nlp)))
        tags = tags_of(copy.reference)
        assert tags[0] == "O" and tags[1] == "B-Malware" and tags[-3:] == ["O", "", ""]
        assert [t.i for t in copy.reference if t.is_sent_start] == [0, len(tags) - 2]


def test_only_categories_that_stand_for_one_label(nlp):
    """EventBot is listed as malware."""

    def mentions(label, n):
        return list(Doc(nlp.vocab, words=["EventBot"], ents=[f"B-{label}"]).ents) * n

    clear, n_all = mentions("Malware", round(20 * CLEAR)), 20
    assert clear_categories(clear + mentions("System", n_all - len(clear)), LEXICON) == {"malware": "Malware"}
    assert clear_categories(clear + mentions("System", n_all - len(clear) + 1), LEXICON) == {}
    assert clear_categories(mentions("Malware", LEAST_MENTIONS - 1), LEXICON) == {}


def test_a_mention_of_another_label_stays(nlp, files):
    """Most of the malware is Malware; what is System is not replaced by a name of malware."""
    augment = make_swap_names(**files, share=1.0)
    doc = Doc(nlp.vocab, words="On EventBot .".split(), ents=["O", "B-System", "O"])
    assert len(list(augment(nlp, Example(nlp.make_doc(doc.text), doc)))) == 1


@pytest.mark.parametrize("share", [-0.1, 1.5, float("nan"), True])
def test_bad_share(share, files):
    with pytest.raises(ValueError, match="S101.*share"):
        make_swap_names(**files, share=share)


@pytest.mark.parametrize("missing", ["lexicon", "corpus"])
def test_a_share_needs_both_files(missing, files):
    with pytest.raises(ValueError, match=r"S138.*paths\.lexicon"):
        make_swap_names(**{**files, missing: None}, share=0.5)


def test_files_that_are_not_there_or_none(nlp, files, tmp_path):
    with pytest.raises(FileNotFoundError, match="S263"):
        read(nlp, {**files, "lexicon": tmp_path / "no.lex"}, share=1.0)
    (tmp_path / "bad.spacy").write_text("no docs")
    example = next(Corpus(files["corpus"])(nlp))
    with pytest.raises(ValueError, match="S235.*bad.spacy"):
        list(make_swap_names(files["lexicon"], tmp_path / "bad.spacy", 1.0)(nlp, example))


def test_a_lexicon_of_other_names_warns_once(nlp, files, tmp_path):
    Lexicon([Name("Nothing", "thing")]).to_disk(tmp_path / "other.lex")
    with pytest.warns(UserWarning, match="SW132.*train.spacy") as caught:
        assert len(read(nlp, {**files, "lexicon": tmp_path / "other.lex"}, share=1.0)) == 3
    assert len(caught) == 1


def test_it_can_stand_in_a_config():
    assert registry.augmenters.get("spacy-ssner.swap_names.v1") is make_swap_names
