"""Components of rules: their settings are all that is saved of them."""

from pathlib import Path
from typing import Any, Callable, Dict, Iterable, Union

import srsly
from spacy import util
from spacy.pipeline import Pipe

from .settings import from_file, read_cfg, read_message


class RulePipe(Pipe):
    """A component with settings in `cfg`, which can be changed at any time, and saved as a file of that name.

    The config of a pipeline has the settings that the component was made with.
    """

    name: str
    cfg: Dict[str, Any]
    check: Callable[[Dict[str, Any]], Dict[str, Any]]  # settings as plain Python values, or S101 and the like

    def to_bytes(self, *, exclude: Iterable[str] = ()) -> bytes:
        """The settings. RAISES (ValueError): As `check` for those that were changed to what they cannot be."""
        return util.to_bytes({"cfg": lambda: srsly.json_dumps(self.check(self.cfg)).encode("utf8")}, exclude)

    def from_bytes(self, bytes_data: bytes, *, exclude: Iterable[str] = ()) -> "RulePipe":
        """RAISES (ValueError): S111 if the bytes are damaged; as `check` for bad settings."""
        util.from_dict(read_message(bytes_data, self.name), {"cfg": self._load_cfg}, exclude)
        return self

    def to_disk(self, path: Union[str, Path], *, exclude: Iterable[str] = ()) -> None:
        """A file `cfg` with the settings. RAISES (ValueError): As `to_bytes`."""
        util.to_disk(path, {"cfg": lambda p: srsly.write_json(p, self.check(self.cfg))}, exclude)

    def from_disk(self, path: Union[str, Path], *, exclude: Iterable[str] = ()) -> "RulePipe":
        """RAISES (ValueError): S111 if the file is missing or damaged; as `check` for bad settings."""
        util.from_disk(path, {"cfg": from_file(self._load_cfg)}, exclude)
        return self

    def _load_cfg(self, data: bytes) -> None:
        self.cfg = self.check({**self.cfg, **read_cfg(data, self.name)})
