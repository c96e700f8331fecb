"""One writer a file: a lock that the system itself takes back when its process ends, in whatever way it ends."""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from vae_lesson.checkpoint import CheckpointError

HELD: type[OSError]

if sys.platform == "win32":
    import msvcrt

    HELD = PermissionError

    def _take(handle: int) -> None:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    HELD = BlockingIOError

    def _take(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextlib.contextmanager
def only_writer(path: str | Path | None) -> Iterator[None]:
    """Be the only training run that writes a checkpoint, among all threads and processes of this machine.

    The lock is held on an empty file beside it, `.NAME.lock`, which is gone at the end; a killed process leaves the
    file, and no lock. Where a folder can't be written or its disk knows no locks, there is none: the first save tells.

    Args:
        path: the checkpoint; None, and there is nothing to guard.

    Raises:
        CheckpointError: another run holds it.
    """
    if path is None:
        yield
        return
    path = Path(path)
    lock = path.with_name(f".{path.name}.lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = _open_locked(lock, path)
    except OSError:
        handle = None
    try:
        yield
    finally:
        if handle is not None:
            _remove(handle, lock)


def _open_locked(lock: Path, path: Path) -> int:
    while True:
        handle = os.open(lock, os.O_RDONLY | os.O_CREAT, 0o666)
        with contextlib.ExitStack() as otherwise:
            otherwise.callback(os.close, handle)
            try:
                _take(handle)
            except HELD as error:
                raise CheckpointError(
                    f"{path} is being written by another training run: wait for its end, stop it, or name another file"
                ) from error
            if os.fstat(handle).st_nlink:
                otherwise.pop_all()
                return handle
            # Its last holder removed it between our two calls: a lock on it would be worth nothing.


def _remove(handle: int, lock: Path) -> None:
    with contextlib.suppress(OSError):
        lock.unlink()  # while we hold it, so that it is nobody else's; Windows removes no file that is open ...
    os.close(handle)
    if HELD is PermissionError:
        with contextlib.suppress(OSError):
            lock.unlink()  # ... and so not the next holder's either
