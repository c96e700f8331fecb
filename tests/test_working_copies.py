"""Working copies: the course renews what nobody changed, keeps what somebody did, and survives a kill at any moment."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from vae_lesson import lab as lab_module
from vae_lesson.__main__ import main
from vae_lesson.working_copies import GIVEN, NOTES, WorkingCopies, content

NAME = Path("05_gaussian_kl.ipynb")


def notebook(*sources, outputs=(), count=None):
    cells = [
        {"cell_type": "code", "source": source, "outputs": list(outputs), "execution_count": count, "metadata": {}}
        for source in sources
    ]
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()


FIRST, SECOND, THIRD = (notebook("import numpy", f"answer = ...  # version {n}") for n in (1, 2, 3))
RUN = notebook("import numpy", "answer = ...  # version 1", "", outputs=[{"output_type": "stream"}], count=7)
MINE = notebook("import numpy", "answer = 42")


@pytest.fixture
def copies(tmp_path):
    """A course of one notebook and a picture, and the reader's folder beside it with copies of both."""
    course = tmp_path / "my course" / "notebooks"
    (course / "pictures").mkdir(parents=True)
    (course / NAME).write_bytes(FIRST)
    (course / "pictures" / "map.png").write_bytes(b"\x89PNG\xff")
    (course / ".ipynb_checkpoints").mkdir()
    (course / ".ipynb_checkpoints" / "05-checkpoint.ipynb").write_bytes(FIRST)
    copies = WorkingCopies(course, course.parent / "work")
    assert copies.update() == []
    return copies


def files(copies, hidden=False):
    """Name -> bytes of what is in the reader's folder; the time in the names of kept files left out."""
    paths = {path.relative_to(copies.work).as_posix(): path for path in copies.work.rglob("*") if path.is_file()}
    seen = {name: path.read_bytes() for name, path in paths.items() if hidden or not name.startswith(".")}
    assert not [name for name in paths if name.endswith(".tmp")]
    return {re.sub(r" \d{4}-\d\d-\d\d \d\d\.\d\d\.\d\d", " DATE", name): found for name, found in seen.items()}


PICTURE = {"pictures/map.png": b"\x89PNG\xff"}
NEW = "05_gaussian_kl (new).ipynb"
KEPT = "kept/05_gaussian_kl DATE.ipynb"


# update


@pytest.mark.parametrize("mine", [FIRST, MINE])
def test_the_course_is_copied_and_its_own_files_are_only_read(copies, mine):
    assert files(copies) == {NAME.name: FIRST} | PICTURE
    (copies.work / NAME).write_bytes(mine)
    before = {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in copies.work.rglob("*") if path.is_file()}
    assert copies.update() == []   # a second start writes nothing
    assert before == {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in before}
    assert (copies.course / NAME).read_bytes() == FIRST


def test_a_copy_never_opened_follows_the_course_silently(copies):
    (copies.course / NAME).write_bytes(SECOND)
    assert copies.update() == []
    assert files(copies) == {NAME.name: SECOND} | PICTURE


def test_a_copy_that_was_only_run_follows_and_its_outputs_are_kept(copies):
    (copies.work / NAME).write_bytes(RUN)
    assert copies.update() == [] and files(copies)[NAME.name] == RUN   # nothing is new: it stays
    (copies.course / NAME).write_bytes(SECOND)
    (line,) = copies.update()
    assert line.startswith("05_gaussian_kl.ipynb is new; yours") and "work/kept/05_gaussian_kl 20" in line
    assert files(copies) == {NAME.name: SECOND, KEPT: RUN} | PICTURE
    assert copies.update() == []


def test_what_the_reader_wrote_stays_and_the_new_version_lies_beside_it(copies):
    (copies.work / NAME).write_bytes(MINE)
    assert copies.update() == []   # the course is as it was
    (copies.course / NAME).write_bytes(SECOND)
    (line,) = copies.update()
    assert line == f"05_gaussian_kl.ipynb is yours and stays; the course's newer version is beside it: work/{NEW}"
    assert files(copies) == {NAME.name: MINE, NEW: SECOND} | PICTURE
    assert copies.update() == []   # told once
    (copies.course / NAME).write_bytes(THIRD)
    assert len(copies.update()) == 1
    assert files(copies) == {NAME.name: MINE, NEW: THIRD} | PICTURE   # nobody had touched the second


def test_a_new_version_that_the_reader_took_to_work_in_is_kept_too(copies):
    (copies.work / NAME).write_bytes(MINE)
    (copies.course / NAME).write_bytes(SECOND)
    copies.update()
    (copies.work / NEW).write_bytes(MINE + b" ")
    (copies.course / NAME).write_bytes(THIRD)
    copies.update()
    assert files(copies) == {NAME.name: MINE, NEW: THIRD, "kept/05_gaussian_kl (new) DATE.ipynb": MINE + b" "} | PICTURE


@pytest.mark.parametrize("taken", [None, SECOND, SECOND + b" "], ids=["deleted", "copied", "copied and run"])
def test_what_lies_beside_goes_when_the_readers_copy_is_as_new(copies, taken):
    (copies.work / NAME).write_bytes(MINE)
    (copies.course / NAME).write_bytes(SECOND)
    copies.update()
    (copies.work / NAME).unlink() if taken is None else (copies.work / NAME).write_bytes(taken)
    assert copies.update() == []
    assert files(copies) == {NAME.name: taken or SECOND} | PICTURE


def test_what_lies_beside_stays_when_the_reader_wrote_in_it(copies):
    (copies.work / NAME).write_bytes(MINE)
    (copies.course / NAME).write_bytes(SECOND)
    copies.update()
    (copies.work / NEW).write_bytes(MINE + b" ")
    (copies.work / NAME).unlink()
    copies.update()
    assert files(copies) == {NAME.name: SECOND, NEW: MINE + b" "} | PICTURE


def test_outputs_refreshed_by_the_course_reach_only_who_never_opened_the_page(copies):
    refreshed = notebook("import numpy", "answer = ...  # version 1", outputs=[{"output_type": "stream"}], count=1)
    (copies.course / NAME).write_bytes(refreshed)
    assert copies.update() == [] and files(copies)[NAME.name] == refreshed
    (copies.work / NAME).write_bytes(RUN)
    (copies.course / NAME).write_bytes(FIRST)
    assert copies.update() == [] and files(copies) == {NAME.name: RUN} | PICTURE


def test_a_picture_counts_by_its_bytes(copies):
    (copies.course / "pictures" / "map.png").write_bytes(b"new")
    assert copies.update() == [] and files(copies)["pictures/map.png"] == b"new"
    (copies.work / "pictures" / "map.png").write_bytes(b"mine")
    (copies.course / "pictures" / "map.png").write_bytes(b"newer")
    assert len(copies.update()) == 1
    assert files(copies)["pictures/map.png"] == b"mine" and files(copies)["pictures/map (new).png"] == b"newer"


def test_what_the_reader_deleted_comes_back_and_what_the_course_dropped_stays(copies):
    (copies.work / NAME).unlink()
    assert copies.update() == [] and files(copies) == {NAME.name: FIRST} | PICTURE
    (copies.course / NAME).unlink()
    assert copies.update() == [] and files(copies) == {NAME.name: FIRST} | PICTURE


@pytest.mark.parametrize("damage", [None, b"", b"{", FIRST[:100], b"[]", b'{"cells": 3}', b'{"cells": [3]}'])
@pytest.mark.parametrize("mine", [FIRST, RUN, MINE])
def test_a_damaged_memory_of_what_was_given_costs_no_work(copies, mine, damage):
    given = copies.work / ".course" / NAME
    (copies.work / NAME).write_bytes(mine)
    given.unlink() if damage is None else given.write_bytes(damage)
    copies.update()
    assert mine in files(copies).values() and given.read_bytes() == FIRST
    (copies.course / NAME).write_bytes(SECOND)
    copies.update()
    assert mine == FIRST or mine in files(copies).values()
    assert SECOND in files(copies).values()


@pytest.mark.parametrize("damage", [b"", b"{", MINE[:100], b"\xff\xfe", b'{"cells": [{}]}', b'{"cells": {"a": 1}}'])
def test_a_damaged_copy_is_the_readers_own(copies, damage):
    (copies.work / NAME).write_bytes(damage)
    (copies.course / NAME).write_bytes(SECOND)
    assert len(copies.update()) == 1
    assert files(copies) == {NAME.name: damage, NEW: SECOND} | PICTURE


def test_what_counts_as_content():
    assert content(FIRST) == content(RUN) != content(MINE)
    lines = json.loads(FIRST)
    for cell in lines["cells"]:
        cell["source"] = cell["source"].splitlines(keepends=True)   # as JupyterLab saves it
    assert content(json.dumps(lines).encode()) == content(FIRST)
    lines["cells"][0]["cell_type"] = "markdown"
    assert content(json.dumps(lines).encode()) != content(FIRST)


# a kill between any two writes


class Killed(BaseException):
    """What a kill looks like from inside."""


def killed_at(monkeypatch, moment, work):
    """Run work, killed before its moment-th renaming, of which there is one for each file; whether it was."""
    real, calls = os.replace, iter(range(1000))

    def replace(*arguments):
        if next(calls) == moment:
            raise Killed
        real(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", replace)
        patched.setattr(Path, "unlink", lambda path, missing_ok=False: None)   # nor does it tidy up
        try:
            work()
        except Killed:
            return True
    return False


@pytest.mark.parametrize("moment", range(5))
@pytest.mark.parametrize("mine", [FIRST, RUN, MINE])
def test_an_update_that_was_killed_is_ended_by_the_next_one(copies, mine, moment, monkeypatch):
    (copies.work / NAME).write_bytes(mine)
    (copies.course / NAME).write_bytes(SECOND)
    (copies.course / "06_loss.ipynb").write_bytes(THIRD)
    assert killed_at(monkeypatch, moment, copies.update) or moment == 4
    in_place = [path.read_bytes() for path in copies.work.rglob("*") if path.suffix == ".ipynb"]
    assert mine in in_place or mine == FIRST
    assert all(found in (FIRST, SECOND, THIRD, mine) for found in in_place)   # nothing half-written
    copies.update()
    wanted = {FIRST: {NAME.name: SECOND}, RUN: {NAME.name: SECOND, KEPT: RUN}, MINE: {NAME.name: MINE, NEW: SECOND}}
    assert files(copies) == wanted[mine] | {"06_loss.ipynb": THIRD} | PICTURE
    assert copies.update() == []


@pytest.mark.parametrize("moment", range(4))
def test_a_reset_that_was_killed_loses_nothing(copies, moment, monkeypatch):
    (copies.work / NAME).write_bytes(MINE)
    (copies.course / NAME).write_bytes(SECOND)
    copies.update()
    (copies.work / NEW).write_bytes(RUN)
    assert killed_at(monkeypatch, moment, lambda: copies.reset(NAME)) or moment == 3
    copies.update()
    copies.reset(NAME)
    assert files(copies) == {
        NAME.name: SECOND, KEPT: MINE, "kept/05_gaussian_kl (new) DATE.ipynb": RUN} | PICTURE  # fmt: skip


def test_a_real_kill_while_copies_are_written(tmp_path):
    """kill -9 at twelve moments of a first start: each next start finds whole files and makes the rest."""
    course = tmp_path / "notebooks"
    course.mkdir()
    for number in range(10):
        (course / f"{number:02d}.ipynb").write_bytes(notebook("x" * 100_000))
    copies = WorkingCopies(course, tmp_path / "work")
    script = (
        "import os, sys, threading\nfrom pathlib import Path\nfrom vae_lesson.working_copies import WorkingCopies\n"
        "threading.Timer(float(sys.argv[3]), os._exit, [9]).start()\n"
        "while True:\n"
        "    WorkingCopies(Path(sys.argv[1]), Path(sys.argv[2])).update()\n"
        "    [path.unlink() for path in Path(sys.argv[2]).glob('*.ipynb')]\n"
    )
    for moment in range(12):
        command = [sys.executable, "-c", script, str(course), str(copies.work), str(0.002 + 0.005 * moment)]
        assert subprocess.run(command, timeout=600).returncode == 9
        for path in copies.work.rglob("*.ipynb"):
            assert path.read_bytes() == (course / path.name).read_bytes()
    assert copies.update() == []
    assert len(files(copies)) == 10   # and no temporary file: see `files`


# reset


def test_reset_keeps_what_was_there_and_forgets_the_progress_of_that_lesson_alone(copies):
    notes = copies.work / ".progress"
    notes.mkdir()
    for exercise in ("5.1", "5.12", "15.1", "0.5"):
        (notes / f"{exercise}.json").write_text("{}")
    (copies.work / NAME).write_bytes(MINE)
    (kept,) = copies.reset(NAME)
    assert kept.read_bytes() == MINE
    assert files(copies) == {NAME.name: FIRST, KEPT: MINE} | PICTURE
    assert {path.name for path in notes.iterdir()} == {"15.1.json", "0.5.json"}
    (copies.course / "00_start_here.ipynb").write_bytes(FIRST)
    copies.update()
    copies.reset(Path("00_start_here.ipynb"))
    assert {path.name for path in notes.iterdir()} == {"15.1.json"}
    (copies.work / "00_start_here.ipynb").unlink()
    assert copies.reset(NAME) == []   # a fresh copy need not be kept
    assert files(copies) == {NAME.name: FIRST, KEPT: MINE} | PICTURE


def test_two_resets_within_a_second_keep_both(copies):
    kept = set()
    for text in ("one", "two", "three"):
        (copies.work / NAME).write_bytes(notebook(text))
        kept.update(copies.reset(NAME))
    assert {path.read_bytes() for path in kept} == {notebook(text) for text in ("one", "two", "three")}


def test_reset_takes_the_newer_version_from_beside(copies):
    (copies.work / NAME).write_bytes(MINE)
    (copies.course / NAME).write_bytes(SECOND)
    copies.update()
    copies.reset(NAME)
    assert files(copies) == {NAME.name: SECOND, KEPT: MINE} | PICTURE


# the command line


@pytest.fixture
def course(copies, monkeypatch):
    monkeypatch.setattr(lab_module, "NOTEBOOKS", copies.course)
    monkeypatch.setattr(lab_module, "WORK", copies.work)
    return copies


def test_the_command_resets_a_lesson_and_all(course, capsys):
    (course.work / NAME).write_bytes(MINE)
    assert main(["reset", "05"]) == 0
    assert re.fullmatch(
        r"05_gaussian_kl: afresh; yours is now in work/kept: 05_gaussian_kl [\d. -]+\.ipynb\n", capsys.readouterr().out
    )
    (course.work / NAME).write_bytes(MINE)
    assert main(["reset", "all"]) == 0
    assert files(course)[NAME.name] == FIRST


def test_the_command_refuses_a_lesson_that_is_none(course, capsys):
    (course.work / NAME).write_bytes(MINE)
    assert main(["reset", "05", "55"]) == 1
    assert "no lesson '55'; the course has 05_gaussian_kl" in capsys.readouterr().err
    assert files(course)[NAME.name] == MINE   # all or nothing


def test_lab_tells_the_news_before_it_starts(course, monkeypatch, capsys):
    import jupyterlab.labapp

    monkeypatch.setattr(os, "environ", os.environ.copy())
    monkeypatch.setattr(jupyterlab.labapp, "main", lambda arguments: print("JupyterLab", arguments[0]))
    (course.work / NAME).write_bytes(MINE)
    (course.course / NAME).write_bytes(SECOND)
    assert main(["lab"]) == 0
    told, started = capsys.readouterr().out.splitlines()
    assert "is yours and stays" in told and started == f"JupyterLab {course.work}"
    assert main(["lab"]) == 0
    assert capsys.readouterr().out.splitlines() == [started]


def test_lab_says_where_copies_cannot_be_written(course, monkeypatch, capsys):
    (course.work.parent / "a file").write_text("")
    monkeypatch.setattr(lab_module, "WORK", course.work.parent / "a file")
    assert main(["lab"]) == 1
    told = capsys.readouterr().err
    assert re.search(r"can't write copies of the lessons in .*a file: .*; VAE_LESSON_WORK names another folder", told)


def test_what_the_killed_left_goes_and_what_a_kernel_writes_stays(copies):
    copies.update()
    name = copies.names()[0]
    left = [(copies.work / folder / name).with_name(f".{name.name}.01234567.tmp") for folder in ("", GIVEN)]
    note = copies.work / NOTES / ".lesson_01.json.01234567.tmp"
    note.parent.mkdir(exist_ok=True)
    for path in (*left, note):
        path.write_bytes(b"half")
    copies.update()
    assert note.exists() and not any(path.exists() for path in left)
