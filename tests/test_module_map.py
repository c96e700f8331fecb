"""docs/module_map.md against the code: every module is on it, and each floor imports only what the map allows."""

import ast
import re
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "vae_lesson"
MAP = (PACKAGE.parent / "docs/module_map.md").read_text(encoding="utf-8")


def module_name(path):
    """`symbolic.proof` of a file in the package; a package has its folder's name, ours `__init__`."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts if len(parts) == 1 or parts[-1] != "__init__" else parts[:-1])


MODULES = {module_name(path): path for path in PACKAGE.rglob("*.py")}


def floors():
    """Name of a floor -> (patterns of its modules, floors that it imports, programs that it does without)."""
    found = {}
    for name, imports, without, text in re.findall(
        r"^## (\w+)\nImports: ([^.]+)\.(?: Without: ([^.]+)\.)?\n(.*?)(?=^## |\Z)", MAP, re.MULTILINE | re.DOTALL
    ):
        patterns = [p for line in re.findall(r"^- (.+?): ", text, re.MULTILINE) for p in re.findall(r"`(.+?)`", line)]
        found[name] = patterns, {name, *re.split(", ", imports)} - {"nothing"}, set(filter(None, without.split(", ")))
    return found


FLOORS = floors()


def floor_of(module):
    """The floor of a module: the one that names it, else the one whose pattern with a star fits."""
    named = [floor for floor, (patterns, _, _) in FLOORS.items() if module in patterns]
    stars = [floor for floor, (patterns, _, _) in FLOORS.items() if any(fnmatchcase(module, p) for p in patterns)]
    return named or stars


def imports(source, module):
    """What a module imports anywhere: modules of the package by their name here, others by their first name."""
    package = module if MODULES.get(module, PACKAGE).name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (_here(alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            up = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join(filter(None, [*(["vae_lesson", *up] if node.level else []), node.module]))
            for alias in node.names:
                full = _here(f"{base}.{alias.name}")
                yield full if full in MODULES else _here(base)


def _here(name):
    if name == "vae_lesson":
        return "__init__"
    return name.removeprefix("vae_lesson.") if name.startswith("vae_lesson.") else name.split(".")[0]


def faults(source, module):
    """The imports of a module's source that its floor does not allow."""
    (floor,) = floor_of(module)
    _, allowed, without = FLOORS[floor]
    for name in imports(source, module):
        if name in without or (name in MODULES and name != "__init__" and floor_of(name)[0] not in allowed):
            yield name


def test_every_module_has_its_place_and_every_place_its_module():
    assert len(FLOORS) > 8 and {name for _, allowed, _ in FLOORS.values() for name in allowed} <= FLOORS.keys()
    assert {name: floor_of(name) for name in MODULES if len(floor_of(name)) != 1} == {}
    patterns = [pattern for patterns, _, _ in FLOORS.values() for pattern in patterns]
    assert len(patterns) == len(set(patterns))
    assert [p for p in patterns if not any(fnmatchcase(name, p) for name in MODULES)] == []


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_keep_to_the_floors(module):
    assert list(faults(MODULES[module].read_text(encoding="utf-8"), module)) == []


@pytest.mark.parametrize(
    ("source", "module", "fault"),
    [
        ("def late():\n    import torch.nn", "symbolic.proof", "torch"),
        ("from ..model import VAE", "symbolic.proof", "model"),
        ("from .. import model", "symbolic.proof", "model"),
        ("from vae_lesson import data", "estimators", "data"),
        ("from vae_lesson.train import train", "objective", "train"),
        ("import vae_lesson.plots", "evaluate", "plots"),
        ("from vae_lesson.explorer import KLExplorer", "plots", "explorer"),
        ("from vae_lesson.export import export", "explorer.widget", "export"),
    ],
)
def test_what_breaks_a_wall_is_seen(source, module, fault):
    assert list(faults(source, module)) == [fault]
    assert list(faults("from .printing import tex\nimport numpy", "symbolic.proof")) == []
