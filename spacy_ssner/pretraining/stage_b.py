"""Stage B of SME: an encoder learns the entities of an annotated training split from segment-masked sentences.

SOURCE: SSNER (Symmetry 2025, 17, 783), Algorithm 1 and eqs. (3)-(7).
UNSTATED: whether the masked words are to be predicted, the others, or all. Their labels are those of all words here,
    masked or not: a masked name must be told from its context, and the rest of the sentence is not
    lost. Also unstated: the budget (BERT's 15 % of the pieces), gamma and the class weights of the focal loss,
    how pieces become words (the first one stands for its word), and which validation text is masked (none).
"""

import time
import warnings
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Tuple

import torch
from spacy.tokens import Doc
from spacy.vocab import Vocab
from transformers import AutoTokenizer, PrinterCallback

from ..errors import Errors, Warnings
from ..evaluation.metrics import PRF, doc_entities
from ..labels import tag_names
from ..nn.encoder_loading import load_encoder
from ..nn.focal import balance_weights
from .batches import ListRows, epoch_batches
from .classifier import LabelledMasking, TokenClassifier, best_tags
from .labelled_rows import LabelledText, label_docs, read_labelled
from .masking import IGNORED, MaskSettings, SegmentMasking
from .processes import count_processes, end_together, is_first_process, training_device
from .segments import LengthLaw, entity_law, entity_lengths
from .supervised import SupervisedSettings
from .trainer import EncoderTrainer, ReportSteps, begin_or_resume, check_output, training_arguments
from .validation import Validation, publish_best, save_encoder, word_scores


@dataclass
class SupervisedRun:
    """One run before its first step."""

    settings: SupervisedSettings
    tags: Tuple[str, ...]
    train: LabelledText
    dev: LabelledText
    rows: ListRows
    tokenizer: Any
    classifier: TokenClassifier
    collate: LabelledMasking
    law: LengthLaw

    def score(self) -> PRF:
        """Strict scores of the model as it is now on the validation text."""
        kind = self.classifier.head.weight.device.type
        tags = best_tags(
            self.classifier,
            self.dev,
            pad_id=self.collate.pad_id,
            max_padded=4 * self.settings.max_padded,
            autocast=lambda: torch.autocast(kind, dtype=torch.bfloat16, enabled=self.settings.bf16),
        )
        return word_scores(self.dev, self.tags, tags.tolist())

    def epoch_ends(self) -> List[int]:
        """Steps after which an epoch ends, the last one being the last step of the run."""
        values = {name: getattr(self.settings, name) for name in ("max_padded", "buffer", "seed")}
        n_batches, ends = 0, []
        for epoch in range(self.settings.n_epochs):
            n_batches += len(epoch_batches(self.rows.lengths, epoch=epoch, **values))
            ends.append(max(1, n_batches // count_processes()))
        last = self.settings.n_steps or ends[-1]
        return sorted({*(end for end in ends if end < last), last})


def pretrain_supervised(
    name: str,
    train: Path,
    dev: Path,
    out: Path,
    *,
    law: Optional[LengthLaw],
    masks: Optional[MaskSettings],
    settings: SupervisedSettings,
    on_start: Callable[[SupervisedRun, int], Any] = lambda run, n_steps: None,
    on_step: Callable[[int, float, int], Any] = lambda step, loss, n_words: None,
    on_epoch: Callable[[Dict[str, Any]], Any] = lambda entry: None,
) -> Dict[str, Any]:
    """Train an encoder to find the entities of masked sentences; write the one with the best validation F1.

    name (str): Hugging Face folder or hub id. A masked language model's head is left out.
    train, dev (Path): Annotated .spacy files, or folders of them.
    out (Path): Folder to write: encoder, tokenizer, and in REPORT how it went.
    law (Optional[LengthLaw]): Lengths of the masked segments; None = those of the entities in `train`.
    masks (Optional[MaskSettings]): How much is masked; None = nothing, for comparison.
    on_start: Gets the run and its number of steps. on_step: Gets step, loss, and words read so far by this
        process. on_epoch: Gets the entry of an epoch in the report.
    RETURNS (dict): The report.
    RAISES (ValueError): Before anything is written: S107, S118, S119 for the encoder; S235, S272, S273, S275, S239 for
        the annotated files; S128 if `out` is the encoder's folder; S123 if it holds an unfinished run of stage A.
        Later: S303 if the disk is full, S304 if the loss is no number any more.
    WARNS: SW121 for types that `train` lacks, SW120 if no entity was found after any epoch.
    """
    started = time.perf_counter()
    check_output(name, out)
    vocab = Vocab()
    run = start(name, read_labelled(train, vocab), read_labelled(dev, vocab), law, masks, settings)
    described = {**asdict(settings), "law": asdict(run.law), "masks": masks and asdict(masks)}
    described.update(encoder=name, train=str(train), dev=str(dev), labels=[tag[2:] for tag in run.tags[1::2]])
    try:
        begin_or_resume(out, described, resume=False)
    except OSError as err:
        raise ValueError(Errors.S303.format(path=out, got=err, previous="none")) from err
    ends = run.epoch_ends()
    on_start(run, ends[-1])
    validation, steps = fit(run, out, ends, on_step, on_epoch)
    best = max(validation.epochs, key=lambda entry: entry["f1"], default={"epoch": None, "f1": 0.0})
    report = {
        "settings": described,
        "rows": len(run.rows),
        "cut_words": run.train.n_cut + run.dev.n_cut,
        "best_epoch": best["epoch"],
        "epochs": validation.epochs,
        "steps": steps,
        "words": run.collate.n_words,
        "seconds": round(time.perf_counter() - started, 1),
    }
    if is_first_process():
        publish_best(out, report)
        if not best["f1"]:
            warnings.warn(Warnings.SW120.format(path=dev), stacklevel=2)
    end_together()
    return report


def start(
    name: str,
    train: List[Doc],
    dev: List[Doc],
    law: Optional[LengthLaw],
    masks: Optional[MaskSettings],
    settings: SupervisedSettings,
) -> SupervisedRun:
    """Load the encoder and lay out the text. RAISES (ValueError): S107, S118, S119; WARNS: SW121; see
    `pretrain_supervised`."""
    try:
        encoder = load_encoder(name, max_padded=settings.max_padded)
        tokenizer = AutoTokenizer.from_pretrained(name, use_fast=True)
    except Exception as err:  # transformers, tokenizers and safetensors each raise their own kinds
        raise ValueError(Errors.S107.format(name=name, got=err)) from err
    lengths = entity_lengths(train)
    law = law or entity_law(lengths, max_length=max(lengths))
    masking = None
    if masks is not None:
        masking = SegmentMasking.from_tokenizer(tokenizer, law=law, settings=masks, seed=settings.seed)
    tags = tag_names(sorted({span.label for doc in train for span in doc_entities(doc)}))
    tag_ids = {tag: i for i, tag in enumerate(tags)}
    sizes = {
        "max_pieces": min(settings.max_pieces, encoder.max_positions),
        "max_word_pieces": min(settings.max_word_pieces, encoder.max_positions // 4),
    }
    texts = [label_docs(docs, tag_ids, encoder, **sizes) for docs in (train, dev)]
    warn_of_unknown_types(dev, tag_ids)
    torch.manual_seed(settings.seed)  # the weights of the linear layer
    classifier = TokenClassifier(
        encoder.encoder,
        len(tags),
        gamma=settings.gamma,
        class_weights=balance_weights(torch.from_numpy(texts[0].tag_counts), settings.class_weights),
        dropout=settings.dropout,
    )
    rows = ListRows([row for row in texts[0].rows if (row["labels"] != IGNORED).any()])
    collate = LabelledMasking(masking, pad_id=encoder.settings["pad"], n_rows=len(rows))
    return SupervisedRun(
        settings, tags, texts[0], texts[1], rows, tokenizer, classifier.to(training_device()), collate, law
    )


def warn_of_unknown_types(dev: List[Doc], tag_ids: Dict[str, int]) -> None:
    """WARNS: SW121 if the validation text has types that the training split lacks: they count as overlooked."""
    found = Counter(span.label for doc in dev for span in doc_entities(doc))
    unknown = {label: n for label, n in sorted(found.items()) if f"B-{label}" not in tag_ids}
    if unknown:
        warnings.warn(Warnings.SW121.format(got=unknown), stacklevel=2)


def fit(
    run: SupervisedRun,
    out: Path,
    ends: List[int],
    on_step: Callable[[int, float, int], Any],
    on_epoch: Callable[[Dict[str, Any]], Any],
) -> Tuple[Validation, List[Dict[str, float]]]:
    """Train. RETURNS: the validations, and the log of the Trainer: step, loss, learning_rate, grad_norm."""
    settings, collate = run.settings, run.collate
    arguments = training_arguments(
        out,
        seed=settings.seed,
        save_every=0,
        max_steps=ends[-1],
        learning_rate=settings.learn_rate,
        warmup_steps=round(settings.warmup * ends[-1]),
        weight_decay=settings.weight_decay,
        max_grad_norm=settings.grad_clip,
    )
    validation = Validation(
        run.score,
        ends=ends,
        save=lambda folder: save_encoder(run.classifier, run.tokenizer, folder),
        out=out,
        on_epoch=on_epoch,
    )
    trainer = EncoderTrainer(
        run.classifier,
        arguments,
        rows=run.rows,
        batches={"max_padded": settings.max_padded, "buffer": settings.buffer, "seed": settings.seed},
        collate=collate,
        head_factor=settings.head_factor,
        bf16=settings.bf16,
        callbacks=[ReportSteps(lambda step, loss: on_step(step, loss, collate.n_words)), validation],
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    return validation, [entry for entry in trainer.state.log_history if "loss" in entry]
