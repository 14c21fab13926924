"""The pipeline component `ssner`. Everything heavy lies elsewhere; this is spaCy's contract."""

import warnings
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, List, Optional, Sequence, Tuple, Union

import numpy as np
import srsly
from spacy import util
from spacy.language import Language
from spacy.pipeline import TrainablePipe
from spacy.tokens import Doc, Span, SpanGroup
from spacy.training import Example, validate_examples, validate_get_examples
from spacy.vocab import Vocab
from thinc.api import Config, Optimizer, set_dropout_rate

from .architectures import SSNERModel, install_vectors, set_similar_word_table, similar_word_table
from .decoding import decode
from .errors import Errors, Warnings
from .labels import biluo_to_bio, tag_names
from .layers.torch_tagger import grow_network, network_of
from .loss import LOSSES, allowed_tags, gold_tag_ids
from .types import Prediction, TagScores

DEFAULT_CONFIG = """
[model]
@architectures = "spacy-ssner.SSNER.v1"
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
    assigns=["doc.ents", "doc.spans", "token.ent_iob", "token.ent_type"],
    default_config={
        "model": DEFAULT_MODEL,
        "overwrite_ents": False,
        "threshold": 0.0,
        "spans_key": "ssner",
        "scorer": {"@scorers": "spacy-ssner.ssner_scorer.v1"},
    },
    default_score_weights={"ents_f": 1.0, "ents_p": 0.0, "ents_r": 0.0, "ents_per_type": None},
)
def make_ssner(
    nlp: Language,
    name: str,
    model: SSNERModel,
    overwrite_ents: bool,
    threshold: float,
    spans_key: str,
    scorer: Optional[Callable],
) -> "SSNER":
    """Make the component.

    model (Model[List[Doc], TagScores]): See architectures.build_ssner_model.
    overwrite_ents (bool): Replace entities set by earlier components; otherwise they are kept and ours
        go around them.
    threshold (float): Entities less probable than this are dropped; 0 to 1.
    spans_key (str): Key of the span group with our entities and, in attrs["scores"], their probabilities.
    scorer (Optional[Callable]): Scoring method.
    RAISES (ValueError): S101 for a threshold out of range.
    """
    return SSNER(
        nlp.vocab,
        model,
        name,
        overwrite_ents=overwrite_ents,
        threshold=threshold,
        spans_key=spans_key,
        scorer=scorer,
    )


class SSNER(TrainablePipe):
    """Named-entity recogniser after SSNER (Symmetry 2025, 17, 783)."""

    def __init__(
        self,
        vocab: Vocab,
        model: SSNERModel,
        name: str = "ssner",
        *,
        overwrite_ents: bool = False,
        threshold: float = 0.0,
        spans_key: str = "ssner",
        scorer: Optional[Callable] = None,
    ):
        if not 0.0 <= threshold <= 1.0:
            raise ValueError(Errors.S101.format(name="threshold", expected="from 0 to 1", got=threshold))
        self.vocab = vocab
        self.model = model
        self.name = name
        self.scorer = scorer
        self.cfg: Dict[str, Any] = {
            "labels": [],
            "overwrite_ents": overwrite_ents,
            "threshold": threshold,
            "spans_key": spans_key,
        }
        register_score_extension(spans_key)

    @property
    def labels(self) -> Tuple[str, ...]:
        """Entity types, in the order of the model's outputs."""
        return tuple(self.cfg["labels"])

    @property
    def label_data(self) -> List[str]:
        """What `spacy init labels` saves."""
        return list(self.labels)

    def add_label(self, label: str) -> int:
        """Add an entity type; a trained model keeps what it knows. RETURNS (int): 1, or 0 if it was there.

        RAISES (ValueError): S108 if it is no usable name.
        """
        if not isinstance(label, str) or not label or label.strip() != label:
            raise ValueError(Errors.S108.format(got=label))
        if label in self.labels:
            return 0
        self.cfg["labels"].append(label)
        self.vocab.strings.add(label)
        self._grow()
        return 1

    def _grow(self) -> None:
        tagger = self.model.get_ref("tagger")
        if network_of(tagger) is not None:
            grow_network(tagger, len(self.labels))
            self.model.set_dim("nO", len(self.labels), force=True)

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Optional[Language] = None,
        labels: Optional[Sequence[str]] = None,
        similar_words: Optional[Union[str, Path]] = None,
    ) -> None:
        """Learn the labels, load the similar words, size the network.

        labels (Optional[Sequence[str]]): Entity types; otherwise those of the examples.
        similar_words (Optional[Union[str, Path]]): File of `python -m spacy ssner similar-words`. Saved in
            the pipeline and not needed again.
        RAISES (ValueError): S109 if there is no entity type at all; S105 if the model wants similar
            words and gets none.
        """
        validate_get_examples(get_examples, "SSNER.initialize")
        if labels is None:
            labels = sorted({ent.label_ for eg in get_examples() for ent in eg.reference.ents if ent.label_})
        for label in labels:
            self.add_label(label)
        if not self.labels:
            raise ValueError(Errors.S109)
        if similar_words is not None:
            from .similarity.table import SimilarWordTable

            set_similar_word_table(self.model, SimilarWordTable.from_disk(Path(similar_words)))
        sample = [eg.x for eg in islice(get_examples(), 10)]
        if not any(len(doc) for doc in sample):
            sample = [Doc(self.vocab, words=["sample"])]
        self.model.set_dim("nO", len(self.labels), force=True)
        self.model.initialize(X=sample)

    def predict(self, docs: Iterable[Doc]) -> Prediction:
        """Entities of each doc with their probabilities; the docs stay as they are.

        RAISES (ValueError): S110 if the model is neither initialized nor loaded.
        """
        docs = list(docs)
        self._check_ready()
        if not any(len(doc) for doc in docs):
            return [[] for _ in docs]
        scores = self.model.predict(docs)
        closed = None if self.cfg["overwrite_ents"] else closed_tokens(docs)
        found = decode(scores, self.labels, [len(doc) for doc in docs], closed=closed)
        threshold = self.cfg["threshold"]
        return [[span for span in spans if span.score >= threshold] for spans in found]

    def set_annotations(self, docs: Iterable[Doc], scores: Prediction) -> None:
        """Write entities to `doc.ents` and, with their probabilities, to `doc.spans[spans_key]`."""
        for doc, predicted in zip(docs, scores):
            spans = [Span(doc, s.start, s.end, label=s.label) for s in predicted]
            group = SpanGroup(doc, name=self.cfg["spans_key"], spans=spans)
            group.attrs["scores"] = np.array([s.score for s in predicted], dtype="float32")
            doc.spans[self.cfg["spans_key"]] = group
            if self.cfg["overwrite_ents"]:
                doc.set_ents(spans, default="outside")
            else:
                blocked = [doc[t.i : t.i + 1] for t in doc if t.ent_iob == 3 and not t.ent_type]
                doc.set_ents([*doc.ents, *spans], blocked=blocked, default="outside")

    def update(
        self,
        examples: Iterable[Example],
        *,
        drop: float = 0.0,
        sgd: Optional[Optimizer] = None,
        losses: Optional[Dict[str, float]] = None,
    ) -> Dict[str, float]:
        """Learn from a batch. Tokens without annotation put no demand on the model."""
        losses = {} if losses is None else losses
        losses.setdefault(self.name, 0.0)
        examples = list(examples)
        validate_examples(examples, "SSNER.update")
        self._check_ready()
        if not any(len(eg.predicted) for eg in examples):
            return losses
        set_dropout_rate(self.model, drop)
        scores, backprop = self.model.begin_update([eg.predicted for eg in examples])
        loss, d_scores = self.get_loss(examples, scores)
        backprop(d_scores)  # zeros too: a shared encoder waits for every listener
        if sgd is not None:
            self.finish_update(sgd)
        losses[self.name] += loss
        return losses

    def get_loss(self, examples: Iterable[Example], scores: TagScores) -> Tuple[float, TagScores]:
        """Loss of a batch, in nats, and its gradient for `scores`. See loss.crf_loss and loss.softmax_loss."""
        tag_ids = {tag: i for i, tag in enumerate(tag_names(self.labels))}
        tags = [tag for eg in examples for tag in biluo_to_bio(eg.get_aligned_ner())]
        unknown = Counter(tag[2:] for tag in tags if tag is not None and tag not in tag_ids)
        if unknown:
            warnings.warn(Warnings.SW101.format(labels=dict(unknown), known=list(self.labels)))
        allowed = allowed_tags(gold_tag_ids(tags, tag_ids), scores.windows, len(tag_ids))
        return LOSSES[self.model.attrs["settings"]["decoder"]](scores, allowed)

    def set_similar_words(self, table: Any) -> None:
        """Put another similar-word table in place. RAISES (ValueError): S106 unless it has the same shape."""
        set_similar_word_table(self.model, table)
        install_vectors(self.model)

    def _check_ready(self) -> None:
        if network_of(self.model.get_ref("tagger")) is None:
            raise ValueError(Errors.S110.format(name=self.name))

    def to_bytes(self, *, exclude: Iterable[str] = ()) -> bytes:
        """Everything that changes a prediction: settings and labels, similar words, weights."""
        table = similar_word_table(self.model)
        serialize: Dict[str, Callable[[], bytes]] = {
            "cfg": lambda: srsly.json_dumps(self.cfg).encode("utf8"),
            "vocab": lambda: self.vocab.to_bytes(exclude=exclude),
            "similar_words": lambda: b"" if table is None else table.to_bytes(),
            "model": self.model.to_bytes,
        }
        return util.to_bytes(serialize, exclude)

    def from_bytes(self, bytes_data: bytes, *, exclude: Iterable[str] = ()) -> "SSNER":
        """RAISES (ValueError): S111 if the bytes are damaged or come from something else."""
        deserialize: Dict[str, Callable[[bytes], Any]] = {
            "cfg": lambda b: self._load_cfg(srsly.json_loads(b)),
            "vocab": lambda b: self.vocab.from_bytes(b, exclude=exclude),
            "similar_words": self._load_table,
            "model": self._load_model,
        }
        util.from_bytes(bytes_data, deserialize, exclude)
        return self

    def to_disk(self, path: Union[str, Path], *, exclude: Iterable[str] = ()) -> None:
        """Files `cfg`, `similar_words` (where there are any) and `model`."""
        table = similar_word_table(self.model)
        serialize: Dict[str, Callable[[Path], Any]] = {
            "cfg": lambda p: srsly.write_json(p, self.cfg),
            "vocab": lambda p: self.vocab.to_disk(p, exclude=exclude),
            "model": lambda p: self.model.to_disk(p),
        }
        if table is not None:
            serialize["similar_words"] = lambda p: table.to_disk(p)
        util.to_disk(path, serialize, exclude)

    def from_disk(self, path: Union[str, Path], *, exclude: Iterable[str] = ()) -> "SSNER":
        """RAISES (ValueError): S111 if a file is missing, damaged or comes from something else."""
        deserialize: Dict[str, Callable[[Path], Any]] = {
            "cfg": lambda p: self._load_cfg(srsly.read_json(p)),
            "vocab": lambda p: self.vocab.from_disk(p, exclude=exclude),
            "similar_words": lambda p: self._load_table(p.read_bytes() if p.exists() else b""),
            "model": lambda p: self._load_model(p.read_bytes() if p.exists() else b""),
        }
        util.from_disk(path, deserialize, exclude)
        return self

    def _load_cfg(self, cfg: Dict[str, Any]) -> None:
        self.cfg.update(cfg)
        for label in self.labels:
            self.vocab.strings.add(label)

    def _load_table(self, data: bytes) -> None:
        if data:
            from .similarity.table import SimilarWordTable

            set_similar_word_table(self.model, SimilarWordTable.from_bytes(data))

    def _load_model(self, data: bytes) -> None:
        try:
            self.model.from_bytes(data)
        except Exception as err:  # msgpack, Thinc and torch each raise their own kinds
            raise ValueError(Errors.S111.format(name=self.name, got=err)) from err
        network = network_of(self.model.get_ref("tagger"))
        if network is not None and network.settings.n_labels != len(self.labels):
            got = f"weights for {network.settings.n_labels} labels beside {len(self.labels)} labels in cfg"
            raise ValueError(Errors.S111.format(name=self.name, got=got))
        install_vectors(self.model)


def closed_tokens(docs: Sequence[Doc]) -> np.ndarray:
    """Tokens that other components gave an entity or blocked: (N,) bool."""
    parts = []
    for doc in docs:
        iob, kind = doc.to_array("ENT_IOB"), doc.to_array("ENT_TYPE")
        parts.append((iob == 1) | (iob == 3) | (kind != 0))
    return np.concatenate(parts)


def register_score_extension(spans_key: str) -> None:
    """`Span._.ssner_score`: the probability of an entity, None for a span that `ssner` did not predict."""
    if not Span.has_extension("ssner_score"):
        Span.set_extension("ssner_score", getter=lambda span: span_score(span, spans_key))


def span_score(span: Span, spans_key: str = "ssner") -> Optional[float]:
    """Look a span up in the span group of its doc."""
    group = span.doc.spans.get(spans_key)
    if group is None:
        return None
    for candidate, score in zip(group, group.attrs.get("scores", ())):
        if (candidate.start, candidate.end, candidate.label) == (span.start, span.end, span.label):
            return float(score)
    return None


__all__ = ["SSNER", "make_ssner"]
