"""Files that are written whole or not at all, whatever moment the process is killed at."""

import contextlib
import os
import secrets
from glob import escape
from pathlib import Path


def write_whole(path: Path, *pieces: bytes | memoryview) -> None:
    """Write a file so that path holds, at every moment, what it held before or all of the new.

    Args:
        path: the file; its folder is made if need be.
        pieces: its bytes, one piece after the other.

    Raises:
        OSError: it can't be written there; what was there before is intact.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with open(temporary, "xb") as file:
            file.writelines(pieces)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        _sync_folder(path.parent)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()  # there only if something went wrong


def _sync_folder(folder: Path) -> None:
    """Make the new name last through a power cut, where the system lets a folder be synced (Windows does not)."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def sweep(folder: Path, name: str | None = None) -> None:
    """Take away what processes that were killed in the middle of `write_whole` left.

    Args:
        folder: where; not the folders below.
        name: the file that they were writing there; None: any.
    """
    for stale in folder.glob(f".{'*' if name is None else escape(name)}.{'?' * 8}.tmp"):
        with contextlib.suppress(OSError):
            stale.unlink()
