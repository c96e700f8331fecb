"""A reader's progress: of each exercise whether it was solved, and how many tries and hints it has taken so far.

It is kept in the folder of working copies, one small file an exercise, so that kernels of several notebooks never
write the same one; there it survives the kernel and the day. Elsewhere (in the course's own notebooks, in tests and in
exports, whose outputs may not depend on who ran them before) it lasts as long as the process.
"""

import json
import os
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from vae_lesson.whole_files import write_whole
from vae_lesson.working_copies import GIVEN, NOTES

OFF = {"PYTEST_VERSION", "VAE_LESSON_NO_PROGRESS"}  # environment variables: pytest sets the first, export the second

_in_memory: dict[str, "Record"] = {}  # what is not, or could not be, written


@dataclass
class Record:
    """How far a reader has come with one exercise.

    Attributes:
        solved: whether an answer was right.
        tries: answers judged until then.
        hints: how many of its general hints were given.
    """

    solved: bool = False
    tries: int = 0
    hints: int = 0

    @classmethod
    def parse(cls, text: str) -> "Record":
        """Read what `json.dumps(asdict(record))` wrote; ValueError if it is anything else."""
        fields = json.loads(text)
        if not isinstance(fields, dict) or {name: type(value) for name, value in fields.items()} != cls.__annotations__:
            raise ValueError(f"not a record: {text[:60]!r}")
        if min(fields.values()) < 0:
            raise ValueError(f"a number below 0: {text[:60]!r}")
        return cls(**fields)


def working_folder() -> Path | None:
    """The folder of working copies, if this process runs in it and its progress is to be kept."""
    here = Path.cwd()
    return here if (here / GIVEN).is_dir() and not OFF & os.environ.keys() else None


def read(exercise: str) -> Record:
    """How far the reader is with an exercise, named as on the page ("5.1"); a damaged note counts as none."""
    work = working_folder()
    if work is None or exercise in _in_memory:
        return _in_memory.get(exercise, Record())
    try:
        return Record.parse(_path(work, exercise).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Record()
    except (OSError, ValueError):
        _say(f"(The note of your progress in exercise {exercise} can't be read; it is begun anew.)")
        return Record()


def write(exercise: str, record: Record) -> None:
    """Note how far the reader is with an exercise; where that can't be written, remember it, and say so once."""
    work = working_folder()
    _in_memory[exercise] = record
    if work is None:
        return
    try:
        write_whole(_path(work, exercise), json.dumps(asdict(record)).encode())
        _in_memory.pop(exercise, None)
    except OSError as error:
        _say(f"(Your progress can't be saved: {error.strerror or error}. It lasts until the kernel ends.)")


def _path(work: Path, exercise: str) -> Path:
    return work / NOTES / f"{exercise}.json"


@cache
def _say(text: str) -> None:
    """Print a text, once a process."""
    print(text)
