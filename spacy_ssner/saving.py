"""How the component is saved and loaded: complete, without pickle, and with a clear error for damaged files."""

from pathlib import Path
from typing import Any, Callable, Dict, Iterable, Tuple, Union

import srsly
from spacy import util
from spacy.pipeline import TrainablePipe

from .errors import Errors
from .knowledge import (
    install_vectors,
    lexicon_fits,
    lexicon_of,
    load_lexicon,
    load_similar_word_table,
    similar_word_table,
)
from .layers.torch_tagger import network_of
from .settings import NOT_SETTINGS, check_cfg, from_file, read_cfg, read_message

KNOWLEDGE = ("similar_words", "lexicon")  # files that there are only for models that use them


class SavedPipe(TrainablePipe):
    """A trainable component with settings in `cfg`, knowledge in its model, and weights.

    It is saved as `cfg`, `vocab`, `similar_words` and `lexicon` (where there are any) and `model`.
    """

    cfg: Dict[str, Any]

    @property
    def labels(self) -> Tuple[str, ...]:
        """Entity types, in the order of the model's outputs."""
        return tuple(self.cfg["labels"])

    def to_bytes(self, *, exclude: Iterable[str] = ()) -> bytes:
        """Everything that changes a prediction: settings and labels, similar words, lexicon, weights.

        RAISES (ValueError): S101 for a setting that was changed to what it cannot be.
        """
        exclude = list(exclude)
        table, lexicon = similar_word_table(self.model), lexicon_of(self.model)
        serialize: Dict[str, Callable[[], bytes]] = {
            "cfg": lambda: srsly.json_dumps(check_cfg(self.cfg)).encode("utf8"),
            "vocab": lambda: self.vocab.to_bytes(exclude=exclude),
            "similar_words": lambda: b"" if table is None else table.to_bytes(),
            "lexicon": lambda: b"" if lexicon is None else lexicon.to_bytes(),
            "model": self.model.to_bytes,
        }
        return util.to_bytes(serialize, exclude)

    def from_bytes(self, bytes_data: bytes, *, exclude: Iterable[str] = ()) -> "SavedPipe":
        """RAISES (ValueError): S111 if the bytes are damaged or come from something else; S101 for settings that there
        are not, as of a newer version, or that cannot be used; S257, S258, S264 if the
        similar words are, S267 if the lexicon is, S106 if the similar words do not fit the network, S140 for an
        encoder in 8-bit integers on a GPU.
        (ImportError): S147 if the encoder needs a package that is not installed."""
        exclude = list(exclude)
        deserialize = {**self._readers(), "vocab": lambda b: self.vocab.from_bytes(b, exclude=exclude)}
        message = read_message(bytes_data, self.name, needed={"model"} - set(exclude))
        util.from_dict(message, deserialize, exclude)
        self._settle()
        return self

    def to_disk(self, path: Union[str, Path], *, exclude: Iterable[str] = ()) -> None:
        """Files `cfg`, `vocab`, `similar_words`, `lexicon` (where there are any) and `model`. Tables of an earlier
        save in the same folder go. RAISES (ValueError): S101 as `to_bytes`."""
        exclude = list(exclude)
        table, lexicon = similar_word_table(self.model), lexicon_of(self.model)
        serialize: Dict[str, Callable[[Path], Any]] = {
            "cfg": lambda p: srsly.write_json(p, check_cfg(self.cfg)),
            "vocab": lambda p: self.vocab.to_disk(p, exclude=exclude),
            "model": lambda p: self.model.to_disk(p),
        }
        if table is not None:
            serialize["similar_words"] = lambda p: table.to_disk(p)
        if lexicon is not None:
            serialize["lexicon"] = lambda p: lexicon.to_disk(p)
        util.to_disk(path, serialize, exclude)
        for name in set(KNOWLEDGE) - set(serialize) - set(exclude):
            (Path(path) / name).unlink(missing_ok=True)  # it would be read with the weights of now

    def from_disk(self, path: Union[str, Path], *, exclude: Iterable[str] = ()) -> "SavedPipe":
        """Tables that the component had, and that the folder does not hold, go.

        RAISES (ValueError): S111 if a file is missing, damaged or of something else; else as `from_bytes`.
        """
        exclude = list(exclude)
        deserialize = {name: from_file(read) for name, read in self._readers().items()}
        deserialize["vocab"] = lambda p: self.vocab.from_disk(p, exclude=exclude)
        util.from_disk(path, deserialize, exclude)
        self._settle()
        return self

    def _readers(self) -> Dict[str, Callable[[bytes], Any]]:
        """How each part but the vocab is read; from no bytes where there is no file."""
        return {
            "cfg": self._load_cfg,
            "similar_words": lambda data: load_similar_word_table(self.model, data),
            "lexicon": lambda data: load_lexicon(self.model, data, name=self.name),
            "model": self._load_model,
        }

    def _load_cfg(self, data: bytes) -> None:
        loaded = read_cfg(data, self.name)
        of_data = set(NOT_SETTINGS) - {"labels"}
        known = {name: value for name, value in self.cfg.items() if name not in of_data}
        self.cfg = check_cfg({**known, **loaded})
        for label in self.labels:
            self.vocab.strings.add(label)

    def _load_model(self, data: bytes) -> None:
        self.model.set_dim("nO", None, force=True)  # type: ignore[arg-type]  # other labels may come
        try:
            self.model.from_bytes(data)
        except ImportError:  # nothing is damaged
            raise
        except Exception as err:  # msgpack, Thinc and torch each raise their own kinds
            if str(err).startswith("[S140]"):  # nor here: the device is wrong
                raise
            raise ValueError(Errors.S111.format(name=self.name, got=f"model: {err}")) from err
        network = network_of(self.model.get_ref("tagger"))
        if network is not None and network.settings.n_labels != len(self.labels):
            got = f"weights for {network.settings.n_labels} labels beside {len(self.labels)} labels in cfg"
            raise ValueError(Errors.S111.format(name=self.name, got=got))

    def _settle(self) -> None:
        """Bring network and tables together, whichever of them was just loaded."""
        network = network_of(self.model.get_ref("tagger"))
        if network is not None and network.similar is not None and similar_word_table(self.model) is None:
            raise ValueError(Errors.S111.format(name=self.name, got="its similar words are missing"))
        if not lexicon_fits(self.model):
            raise ValueError(Errors.S111.format(name=self.name, got="its lexicon is missing or another one"))
        install_vectors(self.model)
