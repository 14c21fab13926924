"""DNRTI: token and BIO tag with a space between, CRLF, 13 types, published as a RAR archive.

The files need no rules beyond those of CoNLL files (tag-without-token, several-tokens, blank-lines,
invisible, inside-after-outside, inside-after-other). The archive is read with libarchive.

SOURCE: github.com/SCreaMxp/DNRTI-A-Large-scale-Dataset-for-Named-Entity-Recognition-in-Threat-Intelligence.
"""

from pathlib import Path, PurePosixPath
from types import ModuleType
from typing import Dict, Optional, Union

from ..errors import Errors
from .source import Source

LABELS = tuple("HackOrg Tool Area Time OffAct SamFile Idus Org Exp SecTeam Way Features Purp".split())


def import_libarchive() -> ModuleType:
    """The libarchive module.

    RAISES (ImportError): S224 if the Python package or the system's library is missing.
    """
    try:
        import libarchive
    except (ImportError, OSError, AttributeError, TypeError) as err:  # the last two: no system library
        raise ImportError(Errors.S224.format(reason=f"{type(err).__name__}: {err}")) from err
    return libarchive


def read_archive(path: Union[str, Path]) -> Dict[str, bytes]:
    """The files of an archive (RAR, ZIP, 7z, tar), by their names inside it.

    RAISES (ImportError): S224 without libarchive.
    RAISES (ValueError): S225 if it cannot be read.
    """
    libarchive = import_libarchive()
    files: Dict[str, bytes] = {}
    try:
        with libarchive.file_reader(str(path)) as entries:
            for entry in entries:
                if entry.isfile:
                    files[entry.pathname] = b"".join(entry.get_blocks())
    except (libarchive.ArchiveError, OSError) as err:
        raise ValueError(Errors.S225.format(path=path, reason=err)) from err
    if not files:
        raise ValueError(Errors.S225.format(path=path, reason="no file in it"))
    return files


def read_member(path: Union[str, Path], member: Optional[str] = None) -> Source:
    """One file of an archive.

    member (Optional[str]): Its name or path inside. May be None if the archive holds only one file.
    RAISES (ValueError): S226 if there is no such file or none was named, S225 if the archive cannot be read.
    RAISES (ImportError): S224 without libarchive.
    """
    files = read_archive(path)
    names = [name for name in files if member is None or member in (name, PurePosixPath(name).name)]
    if len(names) != 1:
        raise ValueError(Errors.S226.format(path=path, expected=", ".join(sorted(files)), got=member))
    return Source(f"{path}/{names[0]}", files[names[0]])
