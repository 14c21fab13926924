"""Hex digits of the length of a hash, and what the words before them make of them."""

import pytest

from spacy_ssner.text.indicators import find_indicators
from spacy_ssner.text.tokenizer import blank_english

NLP = blank_english()
MD5 = "02c7cf55fd5c5809ce2dce56085ba437"
OTHER = "95f2480423a4256537bfdfda0df85592"
SHA1 = MD5 + "95f24804"


@pytest.mark.parametrize(
    "text",
    [
        f"imphash: {MD5}",
        f"Imphash={MD5}",
        f"the import hash {MD5}",
        f'"imphash": "{MD5}"',
        f'pe.imphash() == "{MD5}"',
        f"| JA3 | {MD5} |",
        f"JA3S:{MD5}",
        f"JARM `{MD5}`",
        f"JA3 fingerprint: {MD5}",
        f"Imphash\n{MD5}",
        f"commit {SHA1}",
        f"in revision {SHA1}.",
        f"Commit ID: {SHA1}",
    ],
)
def test_hashes_of_no_file(text):
    assert find_indicators(text) == []


@pytest.mark.parametrize(
    "text,expected",
    [
        (f"MD5: {MD5}", f"MD5 {MD5}"),
        (f"by imphash and {MD5}", f"MD5 {MD5}"),
        (f"MD5 imphash\n{MD5}", f"MD5 {MD5}"),
        (f"ja3er {MD5}", f"MD5 {MD5}"),
        (f"commit {MD5}", f"MD5 {MD5}"),
        (f"commits {SHA1}", f"SHA1 {SHA1}"),
    ],
)
def test_other_words_before_a_hash(text, expected):
    assert [f"{hit.kind} {hit.value}" for hit in find_indicators(text)] == [expected]


@pytest.mark.parametrize("word", ["SHA-256 ", "SHA256: ", "sha256:", "SHA256\n"])
@pytest.mark.parametrize("gap", [" ", "\n"])
def test_a_sha256_in_two_halves(word, gap):
    text = f"{word}{MD5}{gap}{OTHER}, then {MD5}"
    hits = find_indicators(text)
    assert [(hit.kind, hit.value) for hit in hits] == [("SHA256", MD5 + OTHER), ("MD5", MD5)]
    assert text[hits[0].start : hits[0].end] == f"{MD5}{gap}{OTHER}"
    doc = NLP(text)
    assert doc.text == text
    assert f"{MD5}{gap}{OTHER}" in [token.text for token in doc]


@pytest.mark.parametrize("text", [f"{MD5} {OTHER}", f"SHA256 sums {MD5} {OTHER}", f"SHA256 {MD5}  {OTHER}"])
def test_pairs_of_md5s(text):
    assert [hit.kind for hit in find_indicators(text)] == ["MD5", "MD5"]
