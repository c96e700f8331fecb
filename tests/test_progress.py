"""Progress: what survives a kernel, what never depends on it, and a store that fails without the reader's failing."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import matplotlib
import nbformat
import pytest

from vae_lesson import plots, progress
from vae_lesson.exercises.exercise import OFFER, Exercise, same_number
from vae_lesson.explorer import Progress
from vae_lesson.explorer import progress as widget_module
from vae_lesson.lab import NOTEBOOKS
from vae_lesson.progress import Record
from vae_lesson.working_copies import GIVEN, WorkingCopies


def exercise(name="5.1", hints=("first", "second", "third")):
    return Exercise(name, 42, same_number(0), mistakes=[(-42, "the sign")], hints=hints, because="so it is")


@pytest.fixture(autouse=True)
def fresh(monkeypatch, tmp_path):
    """No memory of other tests, and a folder that is no folder of working copies."""
    monkeypatch.setattr(progress, "_in_memory", {})
    progress._say.cache_clear()
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def work(monkeypatch, tmp_path):
    """A folder of working copies, still empty, in which this process runs as a kernel of JupyterLab does."""
    folder = tmp_path / "work"
    (folder / GIVEN).mkdir(parents=True)
    monkeypatch.chdir(folder)
    monkeypatch.delenv("PYTEST_VERSION")
    return folder


def restart_the_kernel():
    progress._in_memory.clear()
    progress._say.cache_clear()


# hints


def test_hints_get_plainer_and_the_last_one_offers_the_solution():
    asked = exercise()
    said = [asked.check(answer).text for answer in (1, 2, -42, "no number", ..., 3, 4)]
    assert said[:3] == ["first", "second", "the sign"]
    assert "should be a number" in said[3] and "in place of the dots" in said[4]
    assert said[5:] == [f"third · {OFFER}"] * 2
    assert "solve()" in OFFER and repr(asked.solve()) == "Exercise 5.1: your turn · one solution: 42"


def test_without_hints_the_solution_is_offered_at_once():
    assert exercise(hints=()).check(1).text == OFFER
    assert exercise(hints=("only",)).check(1).text == f"only · {OFFER}"


def test_hints_go_on_after_a_restart(work):
    assert exercise().check(1).text == "first"
    restart_the_kernel()
    assert exercise().check(1).text == "second"
    assert exercise("5.2").check(1).text == "first"   # each has its own
    restart_the_kernel()
    assert exercise().check(-42).text == "the sign"
    assert exercise().check(1).text == f"third · {OFFER}"
    assert exercise(hints=("fewer now",)).check(1).text == f"fewer now · {OFFER}"


def test_what_is_noted(work):
    for answer in (..., 1, -42, "none", 42, 42, 7):
        exercise().check(answer)
    assert progress.read("5.1") == Record(solved=True, tries=4, hints=2)   # tries until it was solved
    assert json.loads((work / ".progress" / "5.1.json").read_text()) == {"solved": True, "tries": 4, "hints": 2}
    assert progress.read("5.2") == Record()


# where nothing is noted


def check_elsewhere(folder, **environment):
    """Check an answer in a process of its own that works in folder."""
    inherited = {name: value for name, value in os.environ.items() if name != "PYTEST_VERSION"}
    code = "from vae_lesson.exercises import lesson_05\nprint(lesson_05.by_hand.check(7))"
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, cwd=folder, env=inherited | environment, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0 and done.stderr == ""
    return done.stdout


def test_only_a_process_in_a_folder_of_working_copies_notes(work, tmp_path):
    first = "Exercise 5.1: not yet · put mu = 2 and"
    for folder, environment in [
        (tmp_path, {}),
        (work, {"PYTEST_VERSION": "9"}),   # as kernels of nbval inherit it
        (work, {"VAE_LESSON_NO_PROGRESS": "1"}),
        (NOTEBOOKS, {}),
    ]:
        assert check_elsewhere(folder, **environment).startswith(first)
    assert not list(work.rglob("*.json")) and not list(NOTEBOOKS.rglob(".progress"))
    assert check_elsewhere(work).startswith(first)
    assert check_elsewhere(work).startswith("Exercise 5.1: not yet · (4 + 1/4")
    for environment in ({"PYTEST_VERSION": "9"}, {"VAE_LESSON_NO_PROGRESS": "1"}):
        assert check_elsewhere(work, **environment).startswith(first)   # nor is anything read


def small_notebook(path, outputs=()):
    code = "from vae_lesson.exercises import lesson_05\nlesson_05.by_hand.check(7)"
    cell = nbformat.v4.new_code_cell(code, execution_count=1, outputs=list(outputs))
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)


def test_an_export_of_a_readers_copy_shows_the_first_hint_whatever_was_noted(work):
    from vae_lesson.export import run

    progress.write("5.1", Record(hints=2, tries=2))
    small_notebook(work / "mine.ipynb")
    (output,) = run(work / "mine.ipynb").cells[0].outputs
    assert "put mu = 2" in output.data["text/plain"]
    assert progress.read("5.1") == Record(hints=2, tries=2)


def test_nbval_of_a_readers_copy_neither_reads_nor_writes_notes(work):
    progress.write("5.1", Record(hints=2, tries=2))
    text = "Exercise 5.1: not yet · put mu = 2 and sigma^2 = 1/4 into (mu^2 + sigma^2 - 1 - log sigma^2)/2"
    output = nbformat.v4.new_output("execute_result", {"text/plain": text}, execution_count=1)
    small_notebook(work / "mine.ipynb", [output])
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--nbval", "--nbval-current-env"]
    done = subprocess.run([*command, "mine.ipynb"], cwd=work, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout
    assert progress.read("5.1") == Record(hints=2, tries=2)


# a store that fails


DAMAGED = [
    b"", b"{", b"\xff", b"[]", b"3", b"null", b"{}", b'{"solved": true}', b'{"solved": 1, "tries": 1, "hints": 1}',
    b'{"solved": true, "tries": -1, "hints": 0}', b'{"solved": true, "tries": 1.5, "hints": 0}',
    b'{"solved": true, "tries": 1, "hints": "2"}', b'{"solved": true, "tries": 1, "hints": 0, "more": 1}',
]  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_note_is_begun_anew_and_said_once(work, damage, capsys):
    note = work / ".progress" / "5.1.json"
    note.parent.mkdir()
    note.write_bytes(damage)
    assert exercise().check(1).text == "first"
    assert capsys.readouterr().out == "(The note of your progress in exercise 5.1 can't be read; it is begun anew.)\n"
    assert exercise().check(1).text == "second" and capsys.readouterr().out == ""
    assert progress.read("5.1") == Record(tries=2, hints=2)


def test_an_unwritable_store_lasts_as_long_as_the_kernel_and_is_said_once(work, capsys, monkeypatch):
    def read_only(*_):
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patched:
        patched.setattr(progress, "write_whole", read_only)
        assert [exercise().check(1).text for _ in range(3)] == ["first", "second", f"third · {OFFER}"]
        assert exercise("5.2").check(1).text == "first"
    assert capsys.readouterr().out == (
        "(Your progress can't be saved: Permission denied. It lasts until the kernel ends.)\n"
    )
    exercise().check(1)   # the store is mended: what the kernel remembers is written
    assert progress.read("5.1") == Record(tries=4, hints=3) and "5.1" not in progress._in_memory


def test_a_write_that_fails_half_way_leaves_the_old_note_and_no_litter(work, monkeypatch):
    exercise().check(1)

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    exercise().check(42)
    restart_the_kernel()
    assert progress.read("5.1") == Record(tries=1, hints=1)
    assert [path.name for path in (work / ".progress").iterdir()] == ["5.1.json"]


SOLVE = """
import sys
from vae_lesson.exercises.exercise import Exercise, same_number
lesson = sys.argv[1]
for number in range(1, 31):
    Exercise(f"{lesson}.{number}", 42, same_number(0)).check(42)
"""


def test_two_kernels_lose_none_of_each_others_entries(work):
    both = [subprocess.Popen([sys.executable, "-c", SOLVE, lesson], cwd=work) for lesson in ("5", "6")]
    assert [kernel.wait(600) for kernel in both] == [0, 0]
    assert all(progress.read(f"{lesson}.{number}").solved for lesson in "56" for number in range(1, 31))
    assert not list(work.rglob("*.tmp"))


def test_many_writers_of_one_note_leave_one_of_theirs(work):
    writers = [threading.Thread(target=progress.write, args=("5.1", Record(True, n, 0))) for n in range(20)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert progress._in_memory == {} and progress.read("5.1").solved and not list(work.rglob("*.tmp"))


# the widget


def test_the_widget_counts_what_is_solved(work):
    for name in ("5.1", "5.3", "10.2"):
        progress.write(name, Record(solved=True, tries=1))
    progress.write("5.2", Record(tries=3, hints=2))
    shown = Progress()
    solved = {lesson["file"][:2]: lesson["solved"] for lesson in shown.lessons}
    assert solved["05"] == [True, False, True, False, False]
    assert solved["10"] == [False, True, False, False, False] and solved["08"] == []
    assert shown.note == "" and repr(shown) == "Progress()"
    assert "solved 2 of 5" in shown.alt() and "no exercises" in shown.alt()
    data, metadata = shown._repr_mimebundle_()
    assert data["text/plain"] == "Progress()" and metadata["image/png"]["alt"] == shown.alt()
    assert shown.snapshot().startswith(b"\x89PNG")


def test_its_picture_in_the_style_of_the_course_brings_no_warning(work, recwarn):
    with matplotlib.rc_context():
        plots.use_style()
        assert Progress().snapshot().startswith(b"\x89PNG")
    assert not recwarn.list


def test_every_lesson_is_there(work):
    files = [lesson["file"] for lesson in Progress().lessons]
    assert files == sorted(path.name for path in NOTEBOOKS.glob("*.ipynb"))
    for lesson in Progress().lessons:
        assert lesson["title"].split(" ")[0] == str(int(lesson["file"][:2]))


def test_it_looks_again_when_the_page_asks(work):
    shown = Progress()
    progress.write("5.1", Record(solved=True))
    assert not any(any(lesson["solved"]) for lesson in shown.lessons)
    shown.glances += 1
    assert sum(sum(lesson["solved"]) for lesson in shown.lessons) == 1


def test_a_lesson_is_started_afresh_and_nothing_is_lost(work):
    copy, fresh_text = work / "05_gaussian_kl.ipynb", (NOTEBOOKS / "05_gaussian_kl.ipynb").read_bytes()
    copy.write_text("mine")
    (work / "05_gaussian_kl (new).ipynb").write_bytes(fresh_text)
    for name in ("5.1", "6.1"):
        progress.write(name, Record(solved=True))
    shown = Progress()
    assert [lesson["file"] for lesson in shown.lessons if lesson["newer"]] == [copy.name]
    shown.wish = [copy.name]   # as the page's button sets it
    assert copy.read_bytes() == fresh_text
    (kept,) = (work / "kept").iterdir()
    assert kept.read_text() == "mine" and kept.name in shown.said and "The lesson is fresh" in shown.said
    assert not progress.read("5.1").solved and progress.read("6.1").solved
    assert not any(lesson["newer"] for lesson in shown.lessons)
    assert [sum(lesson["solved"]) for lesson in shown.lessons if lesson["file"][:2] in ("05", "06")] == [0, 1]
    shown.wish = [lesson["file"] for lesson in shown.lessons]
    assert "All lessons are fresh. There was nothing to keep." in shown.said and not progress.read("6.1").solved


@pytest.mark.parametrize("files", [["../05_gaussian_kl.ipynb"], ["99.ipynb"], ["05_gaussian_kl.ipynb", "/etc"]])
def test_a_wish_for_what_is_no_lesson_is_refused(work, files):
    (work / "05_gaussian_kl.ipynb").write_text("mine")
    shown = Progress()
    shown.wish = files
    assert shown.said.startswith("That can't be done: files holds") and shown.wish == []
    assert (work / "05_gaussian_kl.ipynb").read_text() == "mine" and not (work / "kept").exists()


def test_a_full_disk_is_told_and_leaves_the_copy(work, monkeypatch):
    (work / "kept").write_text("a file where the folder should be")
    (work / "05_gaussian_kl.ipynb").write_text("mine")
    shown = Progress()
    shown.wish = ["05_gaussian_kl.ipynb"]
    assert shown.said.startswith("That can't be done: ") and (work / "05_gaussian_kl.ipynb").read_text() == "mine"


def test_a_wish_that_fails_half_way_shows_what_is_done(work, monkeypatch):
    names = [path.name for path in sorted(NOTEBOOKS.glob("*.ipynb"))]
    for name in ("1.1", "6.1"):
        progress.write(name, Record(solved=True))
    shown, real = Progress(), WorkingCopies.reset

    def full(copies, name):
        if str(name).startswith("06"):
            raise OSError(28, "No space left on device")
        return real(copies, name)

    monkeypatch.setattr(WorkingCopies, "reset", full)
    shown.wish = names
    assert shown.said == "That can't be done: [Errno 28] No space left on device"
    solved = {lesson["file"][:2]: sum(lesson["solved"]) for lesson in shown.lessons}
    assert solved["01"] == 0 and solved["06"] == 1


def test_outside_of_working_copies_it_explains_and_refuses(monkeypatch):
    monkeypatch.chdir(NOTEBOOKS)
    shown = Progress()
    assert "make lab" in shown.note and "JupyterLab" in shown.note
    shown.wish = ["05_gaussian_kl.ipynb"]
    assert shown.said.startswith("That can't be done: ") and not (Path.cwd() / "kept").exists()


def test_titles_and_exercises_of_the_course():
    path = NOTEBOOKS / "05_gaussian_kl.ipynb"
    assert widget_module.title(path) == "5 · The KL term in closed form"
    assert widget_module.exercises(path) == [f"5.{number}" for number in range(1, 6)]
    assert widget_module.exercises(Path("77_none.ipynb")) == []
