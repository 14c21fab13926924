"""Files of docs as spaCy saves them (.spacy)."""

from pathlib import Path
from typing import TYPE_CHECKING, List, Union

from ..errors import Errors

if TYPE_CHECKING:
    from spacy.tokens import Doc
    from spacy.vocab import Vocab


def load_docbin(path: Union[str, Path], vocab: "Vocab") -> List["Doc"]:
    """The docs of a .spacy file. RAISES (ValueError): S235 if it is damaged, or something else."""
    from spacy.tokens import DocBin

    try:
        return list(DocBin().from_disk(path).get_docs(vocab))
    except Exception as err:  # zlib, msgpack and spaCy each raise their own kind
        raise ValueError(Errors.S235.format(path=path, reason=f"{type(err).__name__}: {err}")) from err
