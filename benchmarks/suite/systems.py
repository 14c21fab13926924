"""The systems that annotate texts: ours, also in fewer bits, Hugging Face's pipeline, spaCy's, the bare encoder."""

from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Callable, List, Sequence

from spacy_ssner.evaluation.encoder_use import (
    best_budget,
    forget_words,
    ideal_batches,
    predict_in_bfloat16,
    run_bare,
    windows_read,
    without_piece_cap,
)
from spacy_ssner.layers.encoder_shim import encoder_layers
from spacy_ssner.layers.pieces import encoder_of

OVERLAP = 8  # Hugging Face's pipeline: an eighth of the longest input is shared by two parts of a long text
BATCH_SIZES = (8, 32)
N_SAMPLES = 200  # sentences of a training file
Run = Callable[[Sequence[str]], Any]


@dataclass(frozen=True)
class System:
    """Something that annotates texts.

    run: Annotates all texts and throws the results away. forget: Empties what it remembers of words.
    """

    name: str
    run: Run
    forget: Callable[[], Any] = lambda: None


def ssner(nlp: Any, name: str = "ssner") -> System:
    """A spaCy pipeline of ours, strings in."""
    return System(name, lambda texts: drain(nlp, texts), lambda: forget_words(nlp))


def load_quantised(path: Path, samples: Sequence[Path], engine: str) -> Any:
    """A saved pipeline with its encoder in int8. RAISES (ValueError): If no layer was quantised.

    samples (Sequence[Path]): Training files, whose first sentences show which channels of the encoder are large.
    engine (str): What computes: "torch" or "onnxruntime".
    """
    import spacy

    from spacy_ssner.quantise import quantise_encoder
    from spacy_ssner.text.reading import read_sentences

    nlp = spacy.load(path)
    sentences = [words for file in samples for words in islice(read_sentences(file), N_SAMPLES)]
    if not quantise_encoder(nlp, sentences, engine=engine):
        raise ValueError(f"No layer of {path} was quantised.")
    return nlp


def load_in_bfloat16(path: Path) -> Any:
    """A saved pipeline whose encoder predicts in bfloat16."""
    import spacy

    nlp = spacy.load(path)
    predict_in_bfloat16(nlp)
    return nlp


def spacy_ner(path: Path) -> System:
    """spaCy's `transformer` + `ner`, strings in."""
    import spacy

    nlp = spacy.load(path)
    return System("spacy", lambda texts: drain(nlp, texts))


def drain(nlp: Any, texts: Sequence[str]) -> None:
    """Annotate texts, letting each doc go."""
    nlp.max_length = max(nlp.max_length, *map(len, texts))
    for _ in nlp.pipe(texts):
        pass


def hugging_face(encoder: Path, nlp: Any, *, n_labels: int, batch_size: int, whole: bool = False) -> System:
    """Hugging Face's TokenClassificationPipeline with a linear head, strings in.

    The head says O everywhere, so that no entity costs the peer anything after the network.
    whole (bool): Read texts that are longer than the encoder's input in overlapping parts; otherwise they are cut off.
    """
    import torch
    from transformers import AutoModelForTokenClassification, AutoTokenizer, TokenClassificationPipeline
    from transformers import logging as hf_logging

    hf_logging.set_verbosity_error()  # the head is new on purpose
    tokenizer = AutoTokenizer.from_pretrained(encoder)
    names = {i: name for i, name in enumerate(["O", *(f"L{i}" for i in range(1, n_labels))])}
    model = AutoModelForTokenClassification.from_pretrained(encoder, id2label=names).eval()
    use_weights(model.base_model, nlp)
    with torch.no_grad():
        model.classifier.weight.zero_()
        model.classifier.bias.zero_()[0] = 1.0
    tokenizer.model_max_length = min(tokenizer.model_max_length, model.config.max_position_embeddings)
    parts = {"stride": tokenizer.model_max_length // OVERLAP} if whole else {}
    pipe = TokenClassificationPipeline(
        model=model, tokenizer=tokenizer, aggregation_strategy="simple", device=-1, **parts
    )
    return System("hugging_face", lambda texts: pipe(list(texts), batch_size=batch_size))


def use_weights(module: Any, nlp: Any) -> bool:
    """Give a plain encoder the weights of a pipeline's, if it is the same kind of encoder."""
    layers = encoder_layers(nlp)
    if not layers:
        return False
    try:
        module.load_state_dict(encoder_of(layers[0]).encoder.state_dict())
    except RuntimeError:  # other names or sizes: speed does not depend on the weights
        return False
    return True


def plain_encoder(folder: Path, nlp: Any) -> Any:
    """The encoder as transformers loads it, without anything of ours."""
    from transformers import AutoModel

    from spacy_ssner.nn.encoder_loading import quiet_loading

    with quiet_loading():
        encoder = AutoModel.from_pretrained(folder)
    encoder.pooler = None
    use_weights(encoder, nlp)
    return encoder.eval()


class Limit:
    """The bare encoder on the windows that a pipeline of ours reads. The size of its batches is chosen once."""

    def __init__(self, encoder: Any, nlp: Any, texts: Sequence[str]):
        self.encoder, self.nlp = encoder, nlp
        self.pad = encoder_of(encoder_layers(nlp)[0]).settings["pad"]
        windows = windows_read(nlp, texts).windows
        self.budget = best_budget(encoder, windows, pad=self.pad, device=encoder.device)

    def systems(self, texts: Sequence[str]) -> List[System]:
        """For these texts, as they are read, and without the cap on the pieces of a word. What the systems are
        given is ignored."""
        found = {"limit": windows_read(self.nlp, texts).windows}
        with without_piece_cap(self.nlp):
            found["limit_uncapped"] = windows_read(self.nlp, texts).windows
        return [self._system(name, windows) for name, windows in found.items()]

    def _system(self, name: str, windows: Sequence[Any]) -> System:
        batches = ideal_batches(windows, pad=self.pad, max_padded=self.budget, device=self.encoder.device)
        return System(name, lambda texts: run_bare(self.encoder, batches))
