"""CyNER: token and BIO tag with a tab between, CRLF, 5 types. No rules of its own beyond those of the scheme.

The sentence splitter cut URLs and names, so 311 entities begin with an inside tag at the start of a sentence:
the scheme's rule (inside-at-start) makes an entity of each part, so that sentences and scores stay those of the
published set. Only natural text (raw.py) joins the parts again, which it can in 310 cases. "Entities" of 41 and 55
tokens in the test set are kept as annotated.

SOURCE: github.com/aiforsec/CyNER, dataset/mitre.
"""

LABELS = ("Indicator", "System", "Malware", "Organization", "Vulnerability")
