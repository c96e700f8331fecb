"""The set-up: versions that hold together, a Makefile for any folder, JupyterLab as a fresh machine needs it."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
import tomllib
import urllib.error
import urllib.request
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from vae_lesson import lab as lab_module

ROOT = Path(__file__).parents[1]
COURSE = {"jupyterlab", "torch", "numpy", "matplotlib", "ipywidgets", "sympy", "nbval"}
FILES = ["README.md", "pyproject.toml", "requirements.lock", "environment.yml", "Makefile", ".ci/run", "tools/lock.py"]

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
DIRECT = [Requirement(line) for line in PROJECT["dependencies"]]
TESTS = [Requirement(line) for lines in PROJECT["optional-dependencies"].values() for line in lines]


def lock():
    """Name and version of each line of requirements.lock, every line of it understood."""
    lines = [line for line in (ROOT / "requirements.lock").read_text().splitlines() if not line.startswith("#")]
    pairs = [re.fullmatch(r"([\w.-]+)==([\w.]+)", line) for line in lines]
    assert all(pairs), [line for line, pair in zip(lines, pairs, strict=True) if not pair]
    names = [canonicalize_name(pair[1]) for pair in pairs]
    assert len(set(names)) == len(names)
    return dict(zip(names, (Version(pair[2]) for pair in pairs), strict=True))


# versions


def test_the_course_depends_on_its_seven_packages():
    names = [canonicalize_name(r.name) for r in [*DIRECT, *TESTS]]
    assert {canonicalize_name(r.name) for r in DIRECT} >= COURSE
    assert len(set(names)) == len(names)
    for requirement in [*DIRECT, *TESTS]:   # a range: something older works too, the next big change does not
        assert {s.operator for s in requirement.specifier} == {">=", "<"}, requirement


def test_lock_has_every_requirement_within_its_range():
    locked = lock()
    for requirement in [*DIRECT, *TESTS]:
        name = canonicalize_name(requirement.name)
        assert name in locked and locked[name] in requirement.specifier, requirement
        lowest = next(s.version for s in requirement.specifier if s.operator == ">=")
        assert Version(lowest) <= locked[name]
    assert canonicalize_name(PROJECT["name"]) not in locked


def test_lock_has_what_its_packages_ask_for():
    """Of the versions installed here that are the locked ones, each requirement for this machine is in the lock."""
    from importlib.metadata import PackageNotFoundError, distribution

    locked, seen = lock(), 0
    for name, version in locked.items():
        try:
            found = distribution(name)
        except PackageNotFoundError:
            continue
        if Version(found.version.split("+")[0]) != version:
            continue
        seen += 1
        for line in found.requires or ():
            needed = Requirement(line)
            needed_name = canonicalize_name(needed.name)
            if needed.marker and not needed.marker.evaluate(dict(extra="")):
                continue
            if needed_name.startswith(("nvidia-", "cuda-", "triton", "setuptools")):   # pip finds those of a CUDA build
                continue
            assert needed_name in locked and locked[needed_name] in needed.specifier, (name, line)
    assert seen > 20


def test_environment_yml_takes_its_versions_from_pyproject():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    assert environment.keys() == {"name", "channels", "dependencies"}
    assert environment["name"] == PROJECT["name"] and environment["channels"] == ["conda-forge"]
    plain = [entry for entry in environment["dependencies"] if isinstance(entry, str)]
    (pip,) = (entry for entry in environment["dependencies"] if not isinstance(entry, str))
    assert pip == {"pip": ["-e ."]} and "pip" in plain
    assert "python=3.11" in plain   # Binder reads no other way of writing it
    assert Version("3.11") in Requirement("python" + PROJECT["requires-python"]).specifier
    names = [re.split("[=<>]", entry)[0] for entry in plain]
    assert len(set(names)) == len(names) and set(names) == {"python", "pip", "pytorch"}
    assert all(re.fullmatch(r"[\w-]+", entry) for entry in plain if entry != "python=3.11")   # no version twice


@pytest.mark.parametrize("file", FILES)
def test_no_absolute_path_and_no_registry(file):
    text = (ROOT / file).read_text()
    if file == ".ci/run":
        text = text.replace("/usr/bin/env", "").replace("/dev/null", "")
    assert not re.search(r"(?<![\w.$}/:])/(home|root|work|tmp|usr|opt|etc|var|Users|mnt)\b", text)
    assert not re.search(r"pypi|pythonhosted|index-url|anaconda\.org|download\.pytorch|find-links|@ file:", text, re.I)


def test_what_the_package_needs_at_run_time_is_packed():
    packed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]["vae_lesson"]
    package = ROOT / "vae_lesson"
    covered = {path for pattern in packed for path in package.glob(pattern)}
    needed = {path for path in package.rglob("*") if path.suffix in (".js", ".css", ".mplstyle")}
    assert needed and needed | {package / "lab_config/labconfig/page_config.json"} <= covered


# Makefile


@pytest.fixture
def clone(tmp_path):
    """A copy in a folder whose name has a space, with a python that only notes what it is asked to do."""
    folder = tmp_path / "my course"
    folder.mkdir()
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    fake = folder / "fake python"
    fake.write_text(
        f"#!/bin/sh\necho \"$@\" >> calls.txt\n"
        f"case \"$1 $2\" in '-m venv') mkdir -p \"$3/bin\" && cp \"$0\" \"$3/bin/python\";;\n"
        f"  -c*) exec \"{sys.executable}\" \"$@\";;\n  *) exit ${{FAIL:-0}};; esac\n"
    )
    fake.chmod(0o755)
    return folder


def make(folder, *arguments, **environment):
    return subprocess.run(
        ["make", "PYTHON=./fake\\ python", *arguments],
        cwd=folder, capture_output=True, text=True, timeout=30, env=os.environ | environment,
    )  # fmt: skip


def calls(folder):
    text = (folder / "calls.txt").read_text() if (folder / "calls.txt").exists() else ""
    (folder / "calls.txt").unlink(missing_ok=True)
    return text.splitlines()


needs_make = pytest.mark.skipif(not shutil.which("make") or os.name == "nt", reason="needs make")


@needs_make
def test_make_lab_sets_up_once(clone):
    done = make(clone, "lab")
    assert done.returncode == 0, done.stderr
    check, *rest = calls(clone)
    assert check.startswith("-c import sys")
    assert rest == [
        "-m venv .venv",
        "-m pip install --quiet --disable-pip-version-check -r requirements.lock",
        "-m pip install --quiet --disable-pip-version-check --no-deps --editable .",
        "-m vae_lesson lab",
    ]
    make(clone, "lab")
    assert calls(clone) == ["-m vae_lesson lab"]   # a second call starts at once
    later = (clone / ".venv/.ready").stat().st_mtime + 10
    os.utime(clone / "requirements.lock", (later, later))
    make(clone, "lab")
    assert [line.split()[1] for line in calls(clone)] == ["import", "pip", "pip", "vae_lesson"]   # the venv is kept


@needs_make
def test_make_tries_again_after_a_failure(clone):
    assert make(clone, "lab", FAIL="1").returncode != 0
    assert not (clone / ".venv/.ready").exists()
    calls(clone)
    assert make(clone, "lab").returncode == 0
    assert "-m vae_lesson lab" in calls(clone)


@needs_make
def test_make_says_what_is_missing(clone):
    old = clone / "fake python"
    old.write_text("#!/bin/sh\nexit 1\n")
    done = make(clone, "lab")
    assert done.returncode != 0 and "Python 3.11 or newer is needed" in done.stdout + done.stderr
    old.write_text('#!/bin/sh\ntest "$1" = -c\n')
    done = make(clone, "lab")
    assert done.returncode != 0 and "python3-venv" in done.stdout + done.stderr


@needs_make
def test_make_clean_undoes_and_keeps_the_rest(clone):
    make(clone, "lab")
    calls(clone)
    (clone / "vae_lesson" / "__pycache__").mkdir(parents=True)
    (clone / "vae_lesson" / "__pycache__" / "a.pyc").touch()
    (clone / "vae_lesson" / "a.py").touch()
    for folder in ("work/.ipynb_checkpoints", "notebooks/.ipynb_checkpoints"):
        (clone / folder).mkdir(parents=True)
    assert make(clone, "clean").returncode == 0
    left = {path.relative_to(clone).as_posix() for path in clone.rglob("*")}
    ours = {"Makefile", "requirements.lock", "pyproject.toml", "fake python", "vae_lesson", "vae_lesson/a.py"}
    assert left == ours | {"work", "work/.ipynb_checkpoints", "notebooks"}   # the reader's work is nothing to tidy up


@needs_make
def test_make_alone_only_explains(clone):
    done = make(clone)
    assert done.returncode == 0 and not calls(clone) and not (clone / ".venv").exists()
    targets = re.search(r"\.PHONY: (.*)", (clone / "Makefile").read_text())[1].split()
    assert all(f"make {target} " in done.stdout for target in targets if target != "help")


# JupyterLab


@pytest.fixture
def started(monkeypatch, tmp_path):
    """Call lab() with a JupyterLab that only notes its arguments and its environment; copies go to tmp_path/work."""
    import jupyterlab.labapp

    seen = {}
    monkeypatch.setattr(jupyterlab.labapp, "main", lambda arguments: seen.update(arguments=arguments, **os.environ))
    monkeypatch.setattr(os, "environ", os.environ.copy())
    monkeypatch.setattr(lab_module, "WORK", tmp_path / "work")

    def start(arguments, root=False):
        monkeypatch.setattr(os, "geteuid", lambda: 0 if root else 1000, raising=False)
        lab_module.lab(arguments)
        return seen

    return start


def test_lab_opens_working_copies_with_jupyterlabs_own_safe_defaults(started, tmp_path):
    seen = started(["--port=9999"])
    assert seen["arguments"] == [str(tmp_path / "work"), "--port=9999"]
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        assert (tmp_path / "work" / path.name).read_bytes() == path.read_bytes()
    assert started([], root=True)["arguments"] == [str(tmp_path / "work"), "--allow-root"]
    for dangerous in ("ip", "token", "password", "origin"):
        assert not any(dangerous in argument for argument in seen["arguments"][1:])


def test_lab_hands_its_environment_to_kernels(started):
    os.environ["JUPYTER_CONFIG_PATH"] = "mine"
    os.environ["PATH"] = "bin"
    seen = started([])
    first, second = seen["JUPYTER_CONFIG_PATH"].split(os.pathsep)
    assert second == "mine"
    page = json.loads((Path(first) / "labconfig" / "page_config.json").read_text())
    assert page == {"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}}
    assert seen["PATH"].split(os.pathsep) == [str(Path(sys.executable).parent), "bin"]
    assert seen["GOMP_SPINCOUNT"] and seen["KMP_BLOCKTIME"]


def test_lab_away_from_the_notebooks(monkeypatch, tmp_path, capsys):
    from vae_lesson.__main__ import main

    monkeypatch.setattr(lab_module, "NOTEBOOKS", tmp_path / "none")
    assert main(["lab"]) == 1
    assert re.search(r"vae_lesson lab: no notebooks at .*none: work in a clone", capsys.readouterr().err)


def test_lab_command_passes_arguments_on(monkeypatch):
    from vae_lesson.__main__ import main

    seen = []
    monkeypatch.setattr(lab_module, "lab", seen.append)
    wanted = ["--port=9999", "--port", "9999", "--no-browser", "08_train.ipynb", "-y", "--ServerApp.token=x"]
    assert main(["lab", *wanted]) == 0 and main(["lab"]) == 0
    assert seen == [wanted, []]


def get(url):
    """A page's text; JupyterLab prints its address a moment before it listens there."""
    for _ in range(100):
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=20) as answer:
                return answer.read().decode()
        except urllib.error.URLError as error:
            if not isinstance(error.reason, ConnectionRefusedError):
                raise
            time.sleep(0.1)
    raise AssertionError(f"nobody listens at {url}")


def test_a_real_jupyterlab(tmp_path):
    """With a busy port, as the user at hand (root too), in a fresh home: takes another, localhost, token, no news."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("JUPYTER")} | dict(
        HOME=str(tmp_path), JUPYTER_RUNTIME_DIR=str(tmp_path / "runtime"), IPYTHONDIR=str(tmp_path / "ipython"),
        VAE_LESSON_WORK=str(tmp_path / "my work"),
    )  # fmt: skip
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        process = subprocess.Popen(
            [sys.executable, "-m", "vae_lesson", "lab", "--no-browser", f"--port={port}"],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment, cwd=tmp_path,
        )  # fmt: skip
        watchdog = threading.Timer(60, process.kill)
        watchdog.start()
        try:
            said, url = [], None
            for line in process.stderr:
                said.append(line)
                first = r"http://(localhost|127\.0\.0\.1):(\d+)/lab/tree/00_start_here\.ipynb\?token=(\w{20,})"
                url = re.search(first, line)
                if url:
                    break
            assert url, "".join(said)
            drained = threading.Thread(target=process.stderr.read, daemon=True)   # or its pipe fills up
            drained.start()
            assert int(url[2]) != port and any(f"{port}" in line and "in use" in line for line in said)
            page = get(url[0])
            config = json.loads(re.search(r'id="jupyter-config-data"[^>]*>\s*(\{.*?\})\s*</script>', page, re.S)[1])
            assert config["disabledExtensions"] == ["@jupyterlab/apputils-extension:announcements"]
            contents = get(f"http://{url[1]}:{url[2]}/api/contents?token={url[3]}")
            assert {entry["name"] for entry in json.loads(contents)["content"]} == {
                path.name for path in (ROOT / "notebooks").iterdir() if not path.name.startswith(".")
            }
            assert (tmp_path / "my work" / "05_gaussian_kl.ipynb").exists()
            with pytest.raises(urllib.error.HTTPError, match="403"):   # without the token
                get(f"http://{url[1]}:{url[2]}/api/contents")
            with socket.socket() as outside, pytest.raises(OSError):   # on localhost only
                outside.settimeout(2)
                outside.connect((address_of_this_machine(), int(url[2])))
        finally:
            watchdog.cancel()
            process.kill()
            process.wait(10)


def address_of_this_machine():
    """An address other than localhost, or one that nobody has."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))   # sends nothing
            return probe.getsockname()[0]
        except OSError:
            return "192.0.2.1"
