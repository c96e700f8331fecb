"""Each slip of mutants.py is noticed by the unit test that is named for it; in the whole run, by its lesson too."""

import os
import re
import subprocess
import sys

import nbformat
import pytest
from mutants import MUTANTS, ROOT, planted

# The editable install knows of another vae_lesson. PYTHONPATH goes before it: this looks whether it does.
PYTEST = """
import sys, pytest, vae_lesson
assert list(vae_lesson.__path__) == [sys.argv[1]], vae_lesson.__path__
sys.exit(pytest.main(["-q", "-x", "-rf", "--tb=no", "-p", "no:cacheprovider", *sys.argv[2:]]))
"""
NBVAL = ("-p", "nbval.plugin", "--nbval", "--nbval-current-env", "--nbval-cell-timeout=900")


def run(package, *arguments):
    """pytest's exit code with that copy of the package, and the first failure in one line, or what else it said."""
    settings = dict(OMP_NUM_THREADS="1", PYTEST_DISABLE_PLUGIN_AUTOLOAD="1", COLUMNS="500")
    done = subprocess.run(
        [sys.executable, "-c", PYTEST, str(package), *map(str, arguments)],
        env=os.environ | settings | dict(PYTHONPATH=str(package.parent)),
        cwd=package.parent, capture_output=True, text=True,
    )
    failed = re.search(r"^FAILED (.+)", done.stdout, flags=re.M)
    return done.returncode, failed[1] if failed else (done.stdout + done.stderr)[-500:].strip()


def noticed_by_test(package, killer):
    """The test, if it fails in an assertion and not in a mere crash; else None."""
    code, said = run(package, ROOT / "tests" / killer)
    test = killer.partition("::")[2]
    return test if code == 1 and test in said and ("assert" in said.lower() or "DID NOT RAISE" in said) else None


def noticed_by_lesson(package, lesson):
    """The notebook's first code cell that nbval refuses, counted from 1, or None."""
    (path,) = (ROOT / "notebooks").glob(f"{lesson}_*.ipynb")
    notebook = nbformat.read(path, as_version=4)
    seen = nbformat.v4.new_output("stream", name="stdout", text=f"{package}\n")
    look = "import vae_lesson\nprint(*vae_lesson.__path__)"  # nbval's cell 0: the kernel, too, has this copy
    notebook.cells.insert(0, nbformat.v4.new_code_cell(look, execution_count=1, outputs=[seen]))
    nbformat.write(notebook, package.parent / path.name)
    code, said = run(package, *NBVAL, package.parent / path.name)
    cell = re.search(r"::Cell (\d+)", said)
    assert code in (0, 1) and (cell is None or int(cell[1]) > 0), said
    return f"lesson {lesson}, cell {cell[1]}" if cell else None


def test_the_package_as_it_is_survives(tmp_path):
    code, said = run(planted(None, tmp_path), *sorted({ROOT / "tests" / mutant.killer for mutant in MUTANTS}))
    assert code == 0, said


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.slip)
def test_a_slip_is_noticed(mutant, whole, figure, tmp_path):
    package = planted(mutant, tmp_path)
    found = [noticed_by_test(package, mutant.killer)]
    if whole and mutant.lesson:
        found.append(noticed_by_lesson(package, mutant.lesson))
    criterion = "its unit test fails" + (", its lesson too" if len(found) > 1 else "")
    figure(f"slip: {mutant.slip}", criterion, "; ".join(str(killer) for killer in found))
    assert None not in found
