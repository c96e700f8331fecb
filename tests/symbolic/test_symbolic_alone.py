"""The mathematics runs where torch can't: sympy and numpy are all that it imports; the judges share no code."""

import ast
import subprocess
import sys
from pathlib import Path

import vae_lesson

PACKAGE = Path(vae_lesson.__file__).parent / "symbolic"
LEAN = """
import sys
for name in ("torch", "matplotlib", "IPython", "ipywidgets", "scipy"):
    sys.modules[name] = None
from vae_lesson.symbolic import check, integral, p, x, z
print(check(p(x), "=", integral(p(x | z) * p(z), z), "marginalisation").accepted)
"""


def imports(module):
    tree = ast.parse((PACKAGE / f"{module}.py").read_text(encoding="utf8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield from ([node.module] if node.module else [alias.name for alias in node.names])


def reached(module):
    found = {name for name in imports(module) if (PACKAGE / f"{name}.py").exists()}
    return found.union(*map(reached, found))


def test_runs_without_torch():
    out = subprocess.run([sys.executable, "-c", LEAN], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "True"


def test_the_judges_share_only_the_expressions():
    trees = {"arithmetic", "densities", "expressions", "printing"}
    assert (reached("proof") | reached("bounds")) & (reached("witness") | {"witness"}) <= trees
    assert "proof" not in reached("witness") and "witness" not in reached("bounds")
