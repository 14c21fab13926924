"""The pipeline component `ssner`. Everything heavy lies elsewhere; this is spaCy's contract."""

import warnings
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, List, Optional, Sequence, Set, Tuple, Union

from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example, validate_examples, validate_get_examples
from spacy.vocab import Vocab
from thinc.api import Optimizer, set_dropout_rate

from .annotations import annotate, entity_types, gold_tags, scores_wanted, unreachable
from .architectures import SSNERModel
from .decoding import decode, n_best_spans
from .errors import Errors, Warnings
from .extensions import register_extensions
from .knowledge import (
    check_lexicon,
    check_table,
    install_vectors,
    read_lexicon,
    read_similar_words,
    set_lexicon,
    set_similar_word_table,
)
from .labels import check_label, tag_names
from .layers.doc_reports import doc_reports
from .layers.encoder_shim import warn_if_never_learns
from .layers.torch_tagger import grow_network, network_of
from .loss import allowed_tags, crf_loss, gold_tag_ids, softmax_loss, tag_weights
from .settings import check_cfg, check_settings, plain
from .streams import StreamPipe
from .truncation import refuse_truncated
from .types import DocPrediction, Prediction, TagScores


class SSNER(StreamPipe):
    """Named-entity recogniser after SSNER (Symmetry 2025, 17, 783)."""

    def __init__(
        self,
        vocab: Vocab,
        model: SSNERModel,
        name: str = "ssner",
        *,
        scorer: Optional[Callable] = None,
        **settings: Any,
    ):
        """model, scorer, settings: See factory.make_ssner, whose defaults are those of settings that are not given.
        RAISES (ValueError): S101 for one that is not usable. (TypeError): For one that there is not."""
        self.vocab = vocab
        self.model = model
        self.name = name
        self.scorer = scorer
        self.cfg: Dict[str, Any] = {"labels": [], **check_settings(settings)}
        self._warned_of: Set[str] = set()  # labels that it does not have
        register_extensions()

    @property
    def is_resizable(self) -> bool:
        """Labels can be added to a trained model."""
        return True

    @property
    def label_data(self) -> List[str]:
        """What `spacy init labels` saves."""
        return list(self.labels)

    def add_label(self, label: str) -> int:
        """Add an entity type; a trained model keeps what it knows, and predicts the new one once it has learnt it.

        RETURNS (int): 1, or 0 if it was there.

        RAISES (ValueError): S108 if it is no usable name.
        """
        check_label(label)
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
        lexicon: Optional[Union[str, Path]] = None,
    ) -> None:
        """Learn the labels, load similar words and lexicon, size the network.

        labels (Optional[Sequence[str]]): Entity types; otherwise those of the examples.
        similar_words (Optional[Union[str, Path]]): File of `python -m spacy ssner similar-words`. Saved in
            the pipeline and not needed again.
        lexicon (Optional[Union[str, Path]]): File of `python -m spacy ssner lexicon`, likewise.
        RAISES (ValueError): S108 for a label that is no usable name, S109 if there is no entity type at all; S257,
            S258, S264, S267 for files that are none of these or damaged; S104, S105, S130 as architectures.init, and
            what an encoder raises, see build_hf_encoder. (FileNotFoundError): S263 for a file that is not there.
        WARNS: SW130, SW131 if the model has no use for lexicon, similar words; SW106, SW107 as warn_if_never_learns.
        """
        validate_get_examples(get_examples, "SSNER.initialize")
        self.cfg["labels_given"] = labels is not None
        types, self.cfg["bars_in_entities"] = entity_types(get_examples())
        for label in sorted(types) if labels is None else labels:
            self.add_label(label)
        if not self.labels:
            raise ValueError(Errors.S109)
        if self.model.attrs["loss"]["class_weights"] != "none":
            counts = Counter(gold_tags(get_examples()))
            self.cfg["tag_counts"] = {tag: n for tag, n in counts.items() if tag is not None}
        if similar_words is not None:
            read_similar_words(self.model, similar_words, name=self.name)
        if lexicon is not None:
            read_lexicon(self.model, lexicon, name=self.name)
        sample = [eg.x for eg in islice(get_examples(), 10)]
        if not any(len(doc) for doc in sample):
            sample = [Doc(self.vocab, words=["sample"])]
        self.model.set_dim("nO", len(self.labels), force=True)
        self.model.initialize(X=sample)
        warn_if_never_learns(nlp)

    def predict(self, docs: Iterable[Doc]) -> Prediction:
        """Of each doc its entities, with their probabilities, and what was read of it. The docs stay as they are.

        RAISES (ValueError): S110, S101 as check_ready, check_cfg; S210 for a doc not read in full if so wanted.
        """
        docs = list(docs)
        self.check_ready()
        lengths, cfg = [len(doc) for doc in docs], check_cfg(self.cfg)
        scores = self.model.predict(docs)
        reports = doc_reports(self.model, scores, lengths)
        if cfg["on_truncation"] == "raise":
            refuse_truncated(docs, reports)
        given = {"closed": unreachable(docs, cfg), "temperature": cfg["temperature"]}
        how = {"expected_f1": cfg["expected_f1"], "with_scores": scores_wanted(cfg)}
        found = decode(scores, self.labels, lengths, **how, **given)
        probable: Sequence[Optional[list]] = [None] * len(docs)
        if cfg["n_best"]:
            probable = n_best_spans(scores, self.labels, lengths, n=cfg["n_best"], **given)
        if cfg["threshold"] > 0:
            found = [
                [s for s in spans if s.score is not None and s.score >= cfg["threshold"]] for spans in found
            ]
        return [DocPrediction(*parts) for parts in zip(found, reports, probable)]

    def set_annotations(self, docs: Iterable[Doc], scores: Prediction) -> None:
        """Write entities, scores, report and probable spans to the docs; see annotations.annotate."""
        register_extensions()  # a pipeline that was unpickled elsewhere has not been made there
        cfg = plain(self.cfg)
        for doc, predicted in {id(doc): (doc, predicted) for doc, predicted in zip(docs, scores)}.values():
            annotate(doc, predicted, cfg)  # once, also a doc that stands twice in a batch

    def update(
        self,
        examples: Iterable[Example],
        *,
        drop: float = 0.0,
        sgd: Optional[Optimizer] = None,
        losses: Optional[Dict[str, float]] = None,
    ) -> Dict[str, float]:
        """Learn from a batch. Tokens without annotation put no demand on the model.

        drop (float): Dropout, 0 to 1. sgd: None or False only collects gradients. RETURNS: `losses`, ours in nats.
        RAISES (ValueError): S110 as check_ready, S108 for a label that is no usable name, S141 for a rounded encoder.
        WARNS: SW102 for new labels, which are added, as by spaCy's ner. If `initialize` was given the labels, SW101 as
            get_loss.
        """
        losses = {} if losses is None else losses
        losses.setdefault(self.name, 0.0)
        examples = list(examples)
        validate_examples(examples, "SSNER.update")
        self.check_ready()
        if not any(len(eg.predicted) for eg in examples):
            return losses
        self._add_new_labels(examples)
        set_dropout_rate(self.model, drop)
        scores, backprop = self.model.begin_update([eg.predicted for eg in examples])
        loss, d_scores = self.get_loss(examples, scores)
        backprop(d_scores)  # zeros too: a shared encoder waits for every listener
        if sgd not in (None, False):
            self.finish_update(sgd)
        losses[self.name] += loss
        return losses

    def _add_new_labels(self, examples: Iterable[Example]) -> None:
        types, bars = entity_types(examples)
        if bars:
            self.cfg["bars_in_entities"] = True
        new = [] if self.cfg.get("labels_given", False) else sorted(types.difference(self.labels))
        if new:
            warnings.warn(
                Warnings.SW102.format(name=self.name, labels=new, known=list(self.labels)), stacklevel=3
            )
        for label in new:
            self.add_label(label)

    def get_loss(self, examples: Iterable[Example], scores: TagScores) -> Tuple[float, TagScores]:
        """Loss of a batch, in nats, >= 0 up to rounding, and its gradient for `scores`, those of the examples, of the
        same shapes; see loss.crf_loss and loss.softmax_loss.

        WARNS: SW101 for labels that the component does not have, once each; their tokens put no demand on the model.
        """
        tag_ids = {tag: i for i, tag in enumerate(tag_names(self.labels))}
        tags = gold_tags(examples)
        unknown = Counter(tag[2:] for tag in tags if tag is not None and tag not in tag_ids)
        if not self._warned_of.issuperset(unknown):
            self._warned_of.update(unknown)
            warnings.warn(Warnings.SW101.format(labels=dict(unknown), known=list(self.labels)), stacklevel=2)
        allowed = allowed_tags(gold_tag_ids(tags, tag_ids), scores.windows, len(tag_ids))
        if self.model.attrs["settings"]["decoder"] == "crf":
            return crf_loss(scores, allowed)
        loss = self.model.attrs["loss"]
        weights = tag_weights(tag_ids, self.cfg.get("tag_counts", {}), loss["class_weights"])
        return softmax_loss(scores, allowed, gamma=loss["gamma"], tag_weights=weights)

    def set_similar_words(self, table: Any) -> None:
        """Put another similar-word table (similarity.table.SimilarWordTable) in place.

        RAISES (ValueError): S135 for anything else, S136 if the model has no sublayer of similar words, S106 unless
            the vectors are as wide.
        """
        check_table(self.model, table, name=self.name)
        set_similar_word_table(self.model, table)
        install_vectors(self.model)

    def set_lexicon(self, lexicon: Any) -> None:
        """Put another lexicon.lexicon.Lexicon of the same categories in place: its names count now, without training.

        RAISES (ValueError): S135 if it is none, S131 for other categories, S132 if the model has no lexicon sublayer.
        """
        check_lexicon(self.model, lexicon, name=self.name)
        set_lexicon(self.model, lexicon)

    def check_ready(self) -> None:
        """RAISES (ValueError): S110 if the model is neither initialized nor loaded."""
        if network_of(self.model.get_ref("tagger")) is None:
            raise ValueError(Errors.S110.format(name=self.name))
