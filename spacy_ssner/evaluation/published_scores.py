"""Strict entity scores that others published, to stand beside ours. Not measured here."""

from dataclasses import dataclass
from typing import Tuple


@dataclass(frozen=True)
class PublishedScore:
    """data (str): Name of the data set. f1 (float): Strict entity F1 in percent. encoder (str): With its size."""

    data: str
    split: str
    f1: float
    encoder: str
    source: str


# Scores near 90 on DNRTI (e.g. BERT-CRF 90.02) are left out: they count tokens, on a split half of whose
# test sentences stand in train.
PUBLISHED: Tuple[PublishedScore, ...] = (
    PublishedScore("dnrti", "official test", 83.74, "SecureBERT, 125M", "Cyber-ThreaD/SecureBERT-DNRTI"),
    PublishedScore("dnrti", "dev, leak-free, 4 types", 63.0, "RoBERTa, size not stated", "arXiv 2507.13870"),
    PublishedScore("aptner", "official test", 63.62, "SecureBERT, 125M", "Cyber-ThreaD/SecureBERT-APTNER"),
    PublishedScore("cyner", "official test", 73.67, "SecureBERT, 125M", "Cyber-ThreaD/SecureBERT-CyNER"),
    PublishedScore("cyner", "official test", 76.66, "XLM-RoBERTa-large, 560M", "CyNER paper (second hand)"),
    PublishedScore("cyner", "test", 73.0, "RoBERTa, size not stated", "arXiv 2507.13870"),
)
