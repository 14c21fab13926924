"""AnnoCTR: the files of the folder ner_bio (tabs), 11 types. No rules of its own beyond those of CoNLL files.

A line has seven columns: the token, five layers of annotation and last the layers merged into one, which is
the one read. There a general entity inside a technique cuts it in two; the second part begins with an inside
tag after another type and becomes an entity (inside-after-other). Tokens of white space are dropped as tags
without a token. `<DOCSTART>` lines separate reports. The two base64 images of the dev file (18,029 and 4,823
tokens) are kept as long sentences; --max-length cuts them. The label `CLICommand/CodeSnippet` keeps its
slash.

SOURCE: github.com/boschresearch/anno-ctr-lrec-coling-2024, AnnoCTR/ner_bio.
"""

LABELS = tuple("ORG DATE LOC SECTOR CLICommand/CodeSnippet MALWARE CON TECHNIQUE GROUP TACTIC TOOL".split())
