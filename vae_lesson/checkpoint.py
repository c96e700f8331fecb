"""A training run on disk: written whole or not at all, and read only if every bit is as it was written.

A file is one line that says what it is, the SHA-256 of the rest, and the rest: tensors and plain values as torch saves
them, read back with `weights_only`, so that no code runs. The hash notices damage; it is no proof of who wrote the file.
"""

import contextlib
import hashlib
import io
import os
import tempfile
from pathlib import Path
from typing import Any

import torch

MAGIC = b"vae_lesson checkpoint 1\n"


class CheckpointError(ValueError):
    """A checkpoint that can't be written or read; the message says what to do."""


def save(path: str | Path, content: dict[str, Any]) -> None:
    """Write content to path so that path holds, at every moment, either the old file or the whole new one.

    Args:
        path: the file; its folder is made if need be.
        content: a dict of tensors, numbers, strings, lists and dicts.

    Raises:
        CheckpointError: the file can't be written there; what was there before is intact.
    """
    path = Path(path)
    check_finite(path, content)
    buffer = io.BytesIO()
    torch.save(content, buffer)
    payload = buffer.getbuffer()
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        for stale in path.parent.glob(f".{path.name}.*.tmp"):  # left by a process that was killed here
            stale.unlink(missing_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
        with os.fdopen(handle, "wb") as file:
            file.write(MAGIC + hashlib.sha256(payload).hexdigest().encode() + b"\n")
            file.write(payload)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        _sync_folder(path.parent)
    except OSError as error:
        need = f"{len(payload) / 2**20:.1f} MiB"
        raise CheckpointError(f"can't write checkpoint {path} ({need} needed): {error.strerror}") from error
    finally:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)  # there only if something went wrong


def load(path: str | Path) -> dict[str, Any]:
    """Read what `save` wrote.

    Args:
        path: the file.

    Returns:
        The content, every tensor on the CPU.

    Raises:
        CheckpointError: no such file, not one of ours, damaged, or with numbers that are not finite.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise CheckpointError(f"can't read checkpoint {path}: {error.strerror}") from error
    if not data.startswith(MAGIC):
        raise CheckpointError(f"{path} is not a checkpoint of this course: name another file, or train without resuming")
    digest, payload = data[len(MAGIC) : len(MAGIC) + 65], memoryview(data)[len(MAGIC) + 65 :]
    if digest != hashlib.sha256(payload).hexdigest().encode() + b"\n":
        raise CheckpointError(f"{path} is damaged (its SHA-256 differs): restore a copy, or delete it and train again")
    try:
        content = torch.load(io.BytesIO(payload), map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises a dozen kinds
        raise CheckpointError(f"{path} holds more than tensors and plain values, and was not read") from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} holds a {type(content).__name__}, not a training run")
    check_finite(path, content)
    return content


def check_finite(path: str | Path, content: Any) -> None:
    """Raise CheckpointError if any floating-point tensor or number within content is infinite or NaN."""
    if isinstance(content, dict):
        content = list(content.values())
    if isinstance(content, list | tuple):
        for item in content:
            check_finite(path, item)
    elif isinstance(content, torch.Tensor | float) and not torch.as_tensor(content).isfinite().all():
        raise CheckpointError(f"checkpoint {path} would hold numbers that are not finite: lower the learning rate")


def _sync_folder(folder: Path) -> None:
    """Make the new name last through a power cut, where the system lets a folder be synced (Windows does not)."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
