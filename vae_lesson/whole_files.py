"""Files that are written whole or not at all, whatever moment the process is killed at."""

import contextlib
import os
import secrets
from pathlib import Path


def write_whole(path: Path, content: bytes) -> None:
    """Write content so that path holds, at every moment, what it held before or all of the new.

    Args:
        path: the file; its folder is made if need be.
        content: its bytes.

    Raises:
        OSError: it can't be written there; what was there before is intact.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with open(temporary, "xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()  # there only if something went wrong


def sweep(folder: Path) -> None:
    """Take away what processes that were killed in the middle of `write_whole` left under folder."""
    for stale in folder.rglob(f".*.{'?' * 8}.tmp"):
        with contextlib.suppress(OSError):
            stale.unlink()
