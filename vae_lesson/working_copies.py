"""Working copies: what readers open and write in, so that an update of the course never touches their work.

Three versions of a file meet here, as in any merge: the course's, the reader's copy in work/, and in work/.course the
one that the reader was given last. Whatever makes way for a newer version is moved to work/kept, unless it is, byte for
byte, what was put in its place here.

Writing in a notebook is work; running it is not. Two notebooks count as the same when their cells have the same text:
outputs, execution counts, metadata and empty cells (JupyterLab adds one at the end) make no difference.
"""

import json
import os
import re
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path

from vae_lesson.whole_files import sweep, write_whole

GIVEN, KEPT, NOTES = ".course", "kept", ".progress"  # in work/; of NOTES see progress.py


@dataclass(frozen=True)
class WorkingCopies:
    """The copies in one folder.

    Attributes:
        course: the folder of the course's own notebooks, and of the pictures beside them; it is only read.
        work: the reader's folder, beside it so that relative links hold in both.
    """

    course: Path
    work: Path

    def names(self) -> list[Path]:
        """The course's files, relative to its folder; hidden ones are no part of it."""
        files = (path.relative_to(self.course) for path in self.course.rglob("*") if path.is_file())
        return sorted(name for name in files if not any(part.startswith(".") for part in name.parts))

    def update(self) -> list[str]:
        """Copy what is missing or was never changed; whoever has changed a copy gets a newer version beside it.

        It may be killed at any moment: the next call ends what this one began.

        Returns:
            What the reader ought to know, a line each; empty when all is as it was.

        Raises:
            OSError: a copy can't be written; the message names it.
        """
        bases = [self.work / base for base in ("", GIVEN, KEPT)]  # not NOTES, where a kernel may just be writing
        for folder in {(base / name).parent for base in bases for name in self.names()}:
            sweep(folder)
        return [line for name in self.names() if (line := self._update(name))]

    def reset(self, name: Path) -> list[Path]:
        """Put the course's version in place of the reader's copy, and forget the progress in its exercises.

        Returns:
            Where the reader's copy and the newer version beside it lie now, if they were there and changed.
        """
        kept = [self._keep(copy) for copy in (self.work / name, self.beside(name)) if self._changed(copy, name)]
        self.beside(name).unlink(missing_ok=True)
        if number := re.match(r"\d+", name.stem):  # exercises are called 5.1, 5.2
            for note in (self.work / NOTES).glob(f"{int(number[0])}.*.json"):
                note.unlink(missing_ok=True)
        self._give(self.work / name, name)
        return kept

    def beside(self, name: Path) -> Path:
        """Where a newer version goes when the reader has changed the copy."""
        copy = self.work / name
        return copy.with_stem(f"{copy.stem} (new)")

    def _update(self, name: Path) -> str:
        copy = self.work / name
        new = (self.course / name).read_bytes()
        mine, given = _read(copy), _read(self.work / GIVEN / name)
        beside = self.beside(name)
        said = ""
        if (mine in (None, given) or content(mine) == content(given)) and not self._changed(beside, name):
            beside.unlink(missing_ok=True)  # it is no newer than the reader's copy any more
        if mine is None or mine == given:
            self._give(copy, name)
        elif content(new) in (content(mine), content(given)):  # the reader has it, or nothing is new
            self._give(self.work / GIVEN / name, name)
        elif content(mine) == content(given):  # run, perhaps, but not written in
            said = f"{name} is new; yours, unchanged but for its outputs, is now {self._shown(self._keep(copy))}"
            self._give(copy, name)
        else:
            if self._changed(beside, name):
                self._keep(beside)
            self._give(beside, name)
            said = f"{name} is yours and stays; the course's newer version is beside it: {self._shown(beside)}"
        return said

    def _give(self, copy: Path, name: Path) -> None:
        """Write the course's version to copy, and note that the reader has it: in this order, for a kill between."""
        new = (self.course / name).read_bytes()
        for path in (copy, self.work / GIVEN / name):
            if _read(path) != new:
                write_whole(path, new)

    def _changed(self, copy: Path, name: Path) -> bool:
        """Whether there is a copy that is not, to the byte, a version of the course's."""
        return _read(copy) not in (None, _read(self.work / GIVEN / name), _read(self.course / name))

    def _keep(self, copy: Path) -> Path:
        """Move a copy out of the way, under a name of its own."""
        folder = self.work / KEPT
        folder.mkdir(exist_ok=True)
        stem = f"{copy.stem} {datetime.now():%Y-%m-%d %H.%M.%S}"
        kept, n = folder / f"{stem}{copy.suffix}", count(2)
        while kept.exists():
            kept = folder / f"{stem} {next(n)}{copy.suffix}"
        os.replace(copy, kept)
        return kept

    def _shown(self, path: Path) -> str:
        return path.relative_to(self.work.parent).as_posix()


def content(file: bytes | None) -> object:
    """What makes a file the reader's own: the kind and text of a notebook's cells, of any other file its bytes."""
    try:
        cells = [(cell["cell_type"], "".join(cell["source"])) for cell in json.loads(file or "")["cells"]]
    except (ValueError, KeyError, TypeError):  # no notebook, or a damaged one
        return file
    return [cell for cell in cells if cell[1].strip()]


def _read(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None
