"""The notebooks are green for nbval on machines unlike ours: other processors, languages, homes, folders, no network,
and other random numbers in training.

Each environment is a fresh process that runs a copy of the course. The sample takes them all at once, on a notebook of
mathematics and on another up to its first training; the whole run takes each alone, and every notebook.
"""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[2]
NBVAL = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "--nbval", "--nbval-current-env", "--nbval-cell-timeout=900"]
NO_HOME = dict.fromkeys(["MPLCONFIGDIR", "IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR",
                         "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "VAE_LESSON_DATA"])
NOWHERE = dict.fromkeys(["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"], "http://127.0.0.1:9")
# A network of its own, in which there is nothing but this machine: kernels talk through it.
ALONE = ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "alone"]


@dataclass
class Environment:
    """How a process is started: variables (None: not set), a command before it, and the folder that it works in."""

    variables: dict[str, str | None] = field(default_factory=dict)
    command: list[str] = field(default_factory=list)
    folder: str = "course"   # of the copy
    elsewhere: bool = False   # started in another folder
    other_noise: bool = False   # in the pixels that a model is trained on

    def __or__(self, other):
        return Environment(self.variables | other.variables, self.command + other.command,
                           max(self.folder, other.folder), self.elsewhere or other.elsewhere,
                           self.other_noise or other.other_noise)


def permitted(command):
    try:
        return subprocess.run([*command, "true"], capture_output=True).returncode == 0
    except OSError:
        return False


ENVIRONMENTS = {
    "1 thread": Environment({"OMP_NUM_THREADS": "1"}),
    "2 threads": Environment({"OMP_NUM_THREADS": "2"}),
    "no vector instructions": Environment({"ATEN_CPU_CAPABILITY": "default"}),
    "MKL_CBWR=COMPATIBLE": Environment({"MKL_CBWR": "COMPATIBLE"}),
    "LANG=C": Environment({"LANG": "C", "LC_ALL": "C"}),
    "HOME can't be written": Environment({"HOME": os.devnull, **NO_HOME}),   # not even by root
    "no network": Environment({**NOWHERE, "NO_PROXY": ""}, ALONE if permitted(ALONE) else []),
    "another working directory": Environment(elsewhere=True),
    "a path with a space": Environment(folder="the course, copied"),
    "other noise, as a GPU draws": Environment(other_noise=True),
}
ALL = f"all {len(ENVIRONMENTS)} at once"


def course(folder, other_noise=False):
    """A copy of what a notebook needs; with other noise each draw of pixels begins one random number later."""
    for name in ("vae_lesson", "notebooks"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints"))
    if other_noise:
        before, draw, after = (folder / "vae_lesson/data.py").read_text().partition("    noise = torch.rand(")
        assert draw
        skip = "    torch.rand(1, generator=generator, device=generator.device)\n"
        (folder / "vae_lesson/data.py").write_text(before + skip + draw + after)
    return folder


def beginning(path, cells):
    """Cut a notebook off after so many code cells."""
    notebook = nbformat.read(path, as_version=4)
    places = [i for i, cell in enumerate(notebook.cells) if cell.cell_type == "code"]
    notebook.cells = notebook.cells[:places[cells - 1] + 1]
    nbformat.write(notebook, path)
    return path


def run(environment, copy, arguments, elsewhere):
    variables = os.environ | {"PYTHONPATH": str(copy), "OMP_NUM_THREADS": "1"} | environment.variables
    return subprocess.run(
        [*environment.command, sys.executable, *map(str, arguments)], cwd=elsewhere if environment.elsewhere else copy,
        env={name: value for name, value in variables.items() if value is not None}, capture_output=True, text=True,
    )  # fmt: skip


def at_once(environments):
    all_at_once = Environment()
    for environment in environments:
        all_at_once |= environment
    return all_at_once


def pytest_generate_tests(metafunc):
    if "name" in metafunc.fixturenames:
        whole = metafunc.config.getoption("--whole", default=False)
        metafunc.parametrize("name", [*ENVIRONMENTS] if whole else [ALL])


@pytest.mark.skipif(os.name != "posix", reason="environments of POSIX")
def test_nbval_is_green(name, tmp_path, whole, figure):
    environment = at_once(ENVIRONMENTS.values()) if name == ALL else ENVIRONMENTS[name]
    (elsewhere := tmp_path / "elsewhere").mkdir()
    copy = course(tmp_path / environment.folder, environment.other_noise)
    notebooks = sorted((copy / "notebooks").glob("*.ipynb"))
    if not whole:
        notebooks = [copy / "notebooks/05_gaussian_kl.ipynb", beginning(copy / "notebooks/08_train.ipynb", 14)]
    where = run(environment, copy, ["-c", "import vae_lesson; print(vae_lesson.__file__)"], elsewhere)
    assert Path(where.stdout.strip()).is_relative_to(copy), where   # the copy, and not what is installed
    done = run(environment, copy, [*NBVAL, *notebooks], elsewhere)
    passed, bad = (int((re.findall(rf"(\d+) {word}", done.stdout) or [0])[-1]) for word in ("passed", "failed"))
    figure(f"notebooks: {name}", "green for nbval", f"{passed} cells green, {bad} not, {len(notebooks)} notebooks")
    assert done.returncode == 0 and passed >= 45 and not bad, f"{done.stdout[-3_000:]}{done.stderr[-1_000:]}"
