"""What those who carry the course on rely on: the workflow, the container, the hooks, the papers, the types."""

import json
import re
import runpy
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def assert_make_knows(command):
    target = shlex.split(command)[1]
    makefile = MAKEFILE.replace("$(READY)", ".venv/.ready")
    assert re.search(rf"^{re.escape(target)}:", makefile, re.MULTILINE), target


def test_the_workflow_tests_three_systems_and_publishes_from_main():
    workflow = yaml.safe_load(read(".github/workflows/course.yml"))
    assert workflow.keys() == {"name", True, "permissions", "concurrency", "jobs"}  # True is how YAML reads `on`
    assert workflow[True].keys() == {"push", "pull_request", "workflow_dispatch"}
    assert workflow["permissions"] == {"contents": "read"}
    test, pages = workflow["jobs"]["test"], workflow["jobs"]["pages"]
    assert {name.split("-")[0] for name in test["strategy"]["matrix"]["os"]} == {"ubuntu", "macos", "windows"}
    assert test["runs-on"] == "${{ matrix.os }}" and not test["strategy"]["fail-fast"]
    assert pages["needs"] == "test" and "refs/heads/main" in pages["if"] and "pull_request" in pages["if"]
    assert pages["permissions"] == {"contents": "read", "pages": "write", "id-token": "write"}
    assert pages["environment"]["name"] == "github-pages"
    for job, command in ((test, "make test"), (pages, "make pages")):
        assert job["timeout-minutes"] >= 30
        steps = job["steps"]
        assert all(len({"uses", "run"} & step.keys()) == 1 for step in steps)
        assert all(re.fullmatch(r"actions/[\w-]+@v\d+", step["uses"]) for step in steps if "uses" in step)
        assert steps[0]["uses"].startswith("actions/checkout@")
        (python,) = (step["with"] for step in steps if step.get("uses", "").startswith("actions/setup-python@"))
        assert python["cache"] == "pip" and (ROOT / python["cache-dependency-path"]).exists()
        assert python["python-version"] == re.search(r"python=(\S+)", read("environment.yml"))[1]
        (run,) = (step["run"] for step in steps if "run" in step)
        assert run.startswith(command)
        assert_make_knows(run)
    upload, deploy = pages["steps"][-2:]
    assert upload["with"]["path"] == "build/pages" and "build/pages" in read("vae_lesson/__main__.py")
    assert deploy["uses"].startswith("actions/deploy-pages@") and deploy["id"] in pages["environment"]["url"]


def test_the_container_has_the_tested_python_and_sets_up_with_make():
    container = json.loads(read(".devcontainer/devcontainer.json"))
    assert re.search(r"python=(\S+)", read("environment.yml"))[1] in container["image"]
    assert_make_knows(container["postCreateCommand"])
    assert container["forwardPorts"] == [8888]  # JupyterLab's


def test_the_hooks_are_programs_of_the_environment():
    (repository,) = yaml.safe_load(read(".pre-commit-config.yaml"))["repos"]
    assert repository["repo"] == "local"
    hooks = {hook["id"]: hook for hook in repository["hooks"]}
    assert hooks.keys() == {"ruff", "codespell", "notebooks"}
    assert set(hooks["ruff"]["types_or"]) == {"python", "jupyter"}
    for hook in hooks.values():
        assert hook["language"] == "system" and hook["entry"].startswith(".venv/bin/python ")
        command = [sys.executable, *shlex.split(hook["entry"])[1:], "--help"]
        assert subprocess.run(command, cwd=ROOT, capture_output=True).returncode == 0, hook["entry"]


@pytest.mark.parametrize("checks", ["ruff check .", "mypy", "pytest"])
def test_make_test_runs_the_checks(checks):
    recipe = re.search(r"^test:.*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)[1]
    assert f"\t$(PY) -m {checks}\n" in recipe


def test_the_papers_agree_on_version_licence_and_title():
    citation = yaml.safe_load(read("CITATION.cff"))
    assert citation.keys() >= {"cff-version", "message", "title", "authors"}  # what the format asks for
    assert citation["cff-version"] == "1.2.0" and citation["type"] == "software"
    assert all(author.keys() <= {"name", "family-names", "given-names", "orcid"} for author in citation["authors"])
    assert citation["version"] == PROJECT["version"] and f"## {PROJECT['version']}" in read("CHANGELOG.md")
    assert citation["license"] == PROJECT["license"] == "MIT"
    assert read("LICENSE").startswith("MIT License") and citation["authors"][0]["name"] in read("LICENSE")
    assert read("README.md").splitlines()[0].removeprefix("# ").lower() in citation["title"].lower()


def test_what_contributing_shows_is_so():
    text = read("CONTRIBUTING.md")
    targets = set(re.findall(r"`make (\w+)`|^make (\w+)", text, re.MULTILINE))
    assert len(targets) > 3
    for target in map("".join, targets):
        assert_make_knows(f"make {target}")
    shown = {}
    exec(re.search(r"```python\n(.+?)```", text, re.DOTALL)[1], shown)
    assert len(shown["evidence"].lines) == 2 and shown["evidence"].accepted


def test_make_bench_runs_every_benchmark(tmp_path, monkeypatch, capsys):
    """Each one, though one fails; what they found stands in one table at the end."""
    folder = ROOT / "benchmarks"
    monkeypatch.syspath_prepend(folder)
    bench = runpy.run_path(str(folder / "all.py"))
    programs = {path.stem for path in folder.glob("*.py") if '__name__ == "__main__"' in path.read_text()}
    assert {*bench["BENCHMARKS"], "all"} == programs
    assert re.search(r"^bench:.*\n\t\$\(PY\) benchmarks/all.py$", (ROOT / "Makefile").read_text(), flags=re.M)

    class Done:
        def __init__(self, command, env):
            name = Path(command[1]).stem
            monkeypatch.setenv(bench["FILE"], env[bench["FILE"]])
            runpy.run_path(str(folder / "figures.py"))["figure"](f"found by {name}", "1.5", "at least 1")
            self.returncode = int(name == "gpu")

    monkeypatch.setattr(subprocess, "run", Done)
    monkeypatch.setattr(sys, "argv", ["all.py"])
    assert bench["main"]() == 1
    said = capsys.readouterr().out
    table, end = said.partition("--- all")[2].split("failed: ")
    assert end == "gpu\n" and [line.split()[2] for line in table.splitlines()[2:]] == list(bench["BENCHMARKS"])
