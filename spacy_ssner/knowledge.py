"""What a model knows beside its weights: the table of similar words, the lexicon. They live in its shim's resources."""

from pathlib import Path
from typing import Any, Dict, Optional, Union, cast
from warnings import warn

import torch
from thinc.api import Model

from .errors import Errors, Warnings
from .layers.torch_shim import ModuleShim
from .layers.torch_tagger import network_of
from .lexicon.lexicon import Lexicon
from .types import LexiconSettings


def make_lexicon(width: int = 32, dropout: float = 0.3) -> LexiconSettings:
    """Settings of the lexicon's features.

    width (int): Size of what the begin and inside flags of all categories are mapped to; recommended 16 to 64.
    dropout (float): Share of names that are not seen in training, 0 to 1, so that the network learns from the
        context too: the lexicon of today lists most names of the training text, not those of tomorrow.
    RAISES (ValueError): S104 for a width below 1 or a dropout out of range.

    SOURCE: ours; the paper has no lexicon.
    """
    if width < 1:
        raise ValueError(Errors.S104.format(name="width", expected="at least 1", got=width))
    if not 0.0 <= dropout <= 1.0:
        raise ValueError(Errors.S104.format(name="dropout", expected="from 0 to 1", got=dropout))
    return LexiconSettings(width, dropout)


def similar_word_table(model: Model) -> Any:
    """The table that the model looks words up in, None if there is none."""
    return _resources(model).get("similar_words")


def set_similar_word_table(model: Model, table: Any) -> None:
    """Give the model its similar words, None for none. Call `install_vectors` once the network is there too."""
    _resources(model)["similar_words"] = table


def read_similar_words(model: Model, path: Union[str, Path], *, name: str) -> None:
    """Give a model that is to be initialized the similar words of a file.

    RAISES (FileNotFoundError): S263; (ValueError): S257, S258, S264. WARNS: SW131 if the model has no use for them.
    """
    from .similarity.table import SimilarWordTable

    if model.attrs["settings"].get("similar_words") is None:
        return warn(Warnings.SW131.format(name=name), stacklevel=3)
    if not Path(path).is_file():
        raise FileNotFoundError(Errors.S263.format(path=path))
    set_similar_word_table(model, SimilarWordTable.from_disk(Path(path)))


def load_similar_word_table(model: Model, data: bytes) -> None:
    """Give a model that is being loaded its similar words, none for no bytes. RAISES (ValueError): S257, S258, S264."""
    if not data:
        return set_similar_word_table(model, None)
    from .similarity.table import SimilarWordTable

    set_similar_word_table(model, SimilarWordTable.from_bytes(data))


def install_vectors(model: Model) -> None:
    """Copy the table's vectors into the network. RAISES (ValueError): S106 if the widths differ."""
    network, table = network_of(model.get_ref("tagger")), similar_word_table(model)
    if network is None or network.similar is None or table is None:
        return
    check_vector_width(model, table)
    network.similar.set_vectors(torch.from_numpy(table.vectors))


def check_table(model: Model, table: Any, *, name: str) -> None:
    """RAISES (ValueError): S135 if it is no table, S136 if the model has no use for it, S106 as check_vector_width."""
    from .similarity.table import SimilarWordTable

    if not isinstance(table, SimilarWordTable):
        expected = "a SimilarWordTable (SimilarWordTable.from_disk reads words.sim)"
        raise ValueError(Errors.S135.format(name=name, expected=expected, got=type(table).__name__))
    if model.attrs["settings"].get("similar_words") is None:
        raise ValueError(Errors.S136.format(name=name))
    check_vector_width(model, table)


def check_vector_width(model: Model, table: Any) -> None:
    """RAISES (ValueError): S106 if the network was built for vectors of another width."""
    network = network_of(model.get_ref("tagger"))
    if network is not None and network.similar is not None:
        expected = network.settings.vector_width
        if table.width != expected:
            raise ValueError(Errors.S106.format(expected=expected, got=table.width))


def lexicon_of(model: Model) -> Any:
    """The lexicon that the model looks names up in, None if there is none."""
    return _resources(model).get("lexicon")


def set_lexicon(model: Model, lexicon: Optional[Lexicon]) -> None:
    """Give the model its lexicon, None for none."""
    _resources(model)["lexicon"] = lexicon


def read_lexicon(model: Model, path: Union[str, Path], *, name: str) -> None:
    """Give a model that is to be initialized the lexicon of a file.

    RAISES (FileNotFoundError): S263; (ValueError): S267. WARNS: SW130 if the model has no use for it.
    """
    if model.attrs["settings"].get("lexicon") is None:
        warn(Warnings.SW130.format(name=name), stacklevel=3)
    else:
        set_lexicon(model, Lexicon.from_disk(path))


def load_lexicon(model: Model, data: bytes, *, name: str) -> None:
    """Give a model that is being loaded its lexicon, none for no bytes. name (str): Of its component, for messages.

    RAISES (ValueError): S267.
    """
    set_lexicon(model, Lexicon.from_bytes(data, name=f"the lexicon of '{name}'") if data else None)


def n_categories(model: Model) -> int:
    """Categories of the model's lexicon. RAISES (ValueError): S130 if it has none."""
    lexicon = lexicon_of(model)
    if lexicon is None:
        raise ValueError(Errors.S130)
    return len(lexicon.categories)


def check_lexicon(model: Model, lexicon: Lexicon, *, name: str) -> None:
    """RAISES (ValueError): S135 if it is none, S131 for other categories than the model's, S132 if the model has no
    lexicon sublayer."""
    if not isinstance(lexicon, Lexicon):
        expected = "a Lexicon (Lexicon.from_disk reads names.lex)"
        raise ValueError(Errors.S135.format(name=name, expected=expected, got=type(lexicon).__name__))
    if model.attrs["settings"].get("lexicon") is None:
        raise ValueError(Errors.S132.format(name=name))
    old = lexicon_of(model)
    if old is not None and old.categories != lexicon.categories:
        raise ValueError(Errors.S131.format(expected=list(old.categories), got=list(lexicon.categories)))


def lexicon_fits(model: Model) -> bool:
    """Whether a loaded network has the lexicon that it reads, of as many categories."""
    network = network_of(model.get_ref("tagger"))
    if network is None or network.settings.lexicon is None:
        return True
    lexicon = lexicon_of(model)
    return lexicon is not None and len(lexicon.categories) == network.settings.n_categories


def _resources(model: Model) -> Dict[str, Any]:
    return cast(ModuleShim, model.get_ref("tagger").shims[0]).resources
