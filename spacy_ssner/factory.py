"""The factory `ssner`, and the model that it uses when the config names none: a small CNN, no download."""

from typing import Callable, Optional

from spacy.language import Language
from thinc.api import Config

from .architectures import SSNERModel
from .component import SSNER
from .scorer import SCORE_WEIGHTS
from .settings import DEFAULTS

DEFAULT_CONFIG = """
[model]
@architectures = "spacy-ssner.SSNER.v1"
lexicon = null
similar_words = null
fusion = null
decoder = "crf"

[model.tok2vec]
@architectures = "spacy.HashEmbedCNN.v2"
pretrained_vectors = null
width = 96
depth = 4
embed_size = 2000
window_size = 1
maxout_pieces = 3
subword_features = true

[model.char_cnn]
@architectures = "spacy-ssner.CharCNN.v1"

[model.bilstm]
@architectures = "spacy-ssner.BiLSTM.v1"
"""
DEFAULT_MODEL = Config().from_str(DEFAULT_CONFIG)["model"]


@Language.factory(
    "ssner",
    assigns=[
        "doc.ents",
        "doc.spans",
        "doc._.ssner_report",
        "span._.ssner_score",
        "token.ent_iob",
        "token.ent_type",
    ],
    default_config={
        "model": DEFAULT_MODEL,
        **DEFAULTS,
        "scorer": {"@scorers": "spacy-ssner.ssner_scorer.v1"},
    },
    default_score_weights=dict(SCORE_WEIGHTS),
)
def make_ssner(
    nlp: Language,
    name: str,
    model: SSNERModel,
    overwrite_ents: bool,
    threshold: float,
    spans_key: str,
    temperature: float,
    expected_f1: float,
    scores: bool,
    n_best: int,
    n_best_key: str,
    on_truncation: str,
    scorer: Optional[Callable],
) -> SSNER:
    """Make the component.

    model (Model[List[Doc], TagScores]): See architectures.build_ssner_model.
    overwrite_ents (bool): Replace entities set by earlier components; otherwise they are kept and ours
        go around them.
    threshold (float): Entities less probable than this are dropped; 0 to 1.
    spans_key (str): Key of the span group with our entities and, in attrs["scores"], their probabilities.
    temperature (float): What the scores are divided by before probabilities are taken, > 0; the entities of the best
        path do not depend on it. `python -m spacy ssner calibrate` fits it and saves it with the component.
    expected_f1 (float): The strict F1 that the component has on data like yours, 0 to 1, roughly: the entities are then
        those with the greatest expected F1, see decoding.decode. 0: those of the best path (Viterbi), some of
        which may be improbable each.
    scores (bool): Compute the probabilities of the entities. Without, and with threshold = 0, there are none:
        attrs["scores"] is absent and Span._.ssner_score None.
    n_best (int): So many of the most probable spans of each sentence go to another span group for review, with their
        probabilities, whether they overlap or not; >= 0, 0 = none.
    n_best_key (str): Key of that group, another than spans_key.
    on_truncation (str): What to do about docs that were not read in full (words of too many pieces, sentences that
        are too long): "count" in doc._.ssner_report, which is done in any case, "warn" or "raise".
    scorer (Optional[Callable]): Scoring method, from examples and keywords to a dict of scores; null = not scored.
    RAISES (ValueError): S101 for a setting out of range. Building the model: see build_ssner_model.
    """
    return SSNER(
        nlp.vocab,
        model,
        name,
        overwrite_ents=overwrite_ents,
        threshold=threshold,
        spans_key=spans_key,
        temperature=temperature,
        expected_f1=expected_f1,
        scores=scores,
        n_best=n_best,
        n_best_key=n_best_key,
        on_truncation=on_truncation,
        scorer=scorer,
    )
