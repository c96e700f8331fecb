"""Spelling, by codespell; and every link of the notebooks and documents, as far as one can tell without a network."""

import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
CODE = ["vae_lesson", "tests", "tools", "benchmarks", "Makefile", "pyproject.toml", ".github", ".devcontainer"]

PLAIN_HTTP: set[str] = set()  # hosts that have no https

FENCED = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
# Markdown's [text](target) and ![text](target), HTML's href and src, and <https://...>.
TARGETS = re.compile(r"\]\(<?([^)\s>]+)>?(?: \"[^\"]*\")?\)|(?:href|src)=\"([^\"]+)\"|<(https?:[^>\s]+)>")


def markdown(path):
    """The Markdown of a document or a notebook, without code."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        cells = nbformat.reads(text, as_version=4).cells
        text = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    return re.sub(r"`[^`\n]*`", "", FENCED.sub("", text))


def targets(path):
    """Where the links of a document or notebook lead to."""
    return [next(filter(None, found)) for found in TARGETS.findall(markdown(path))]


def anchors(path):
    """What `#...` may name: headings as Jupyter and nbconvert write them (spaces to hyphens) and as GitHub does."""
    text = path.read_text(encoding="utf-8") if path.suffix != ".ipynb" else markdown(path)
    headings = [line.strip() for line in re.findall(r"^#+ (.+)$", FENCED.sub("", text), re.MULTILINE)]
    if path.suffix == ".ipynb":
        return {heading.replace(" ", "-") for heading in headings}
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken(path, target):
    """What is wrong with a link, or nothing."""
    parts = urlsplit(target)
    if parts.scheme == "mailto":
        return None
    if parts.scheme:
        good = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in PLAIN_HTTP)
        return None if good and re.fullmatch(r"[\w-]+(\.[\w-]+)+", parts.hostname or "") else "not a https address"
    file = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if not file.exists():
        return "no such file"
    if not file.is_relative_to(ROOT):
        return "leads out of the course"
    return "no such heading" if parts.fragment and unquote(parts.fragment) not in anchors(file) else None


def misspelt(*arguments, text=None):
    """The lines in which codespell finds something."""
    done = subprocess.run(
        [sys.executable, "-m", "codespell_lib", "--toml", str(ROOT / "pyproject.toml"), *arguments],
        cwd=ROOT, input=text, capture_output=True, encoding="utf-8",
    )  # fmt: skip
    assert done.returncode in (0, 65) and not done.stderr, done.stderr
    return done.stdout.splitlines()


def test_words_of_code_and_documents():
    assert misspelt(*CODE, *(path.relative_to(ROOT).as_posix() for path in DOCUMENTS)) == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_words_of_a_notebook(path):
    cells = nbformat.read(path, as_version=4).cells
    assert misspelt("-", text="\n".join(cell.source for cell in cells)) == []


@pytest.mark.parametrize("path", [*NOTEBOOKS, *DOCUMENTS], ids=lambda path: path.stem)
def test_links_lead_somewhere(path):
    assert {target: broken(path, target) for target in targets(path) if broken(path, target)} == {}


def test_the_checks_see_what_is_wrong(tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    (tmp_path / "pyproject.toml").write_text("[tool.codespell]\n")
    assert "==> the" in misspelt("-", text="teh posterior\n")[-1]  # codespell:ignore
    (tmp_path / "page.md").write_text("# A `b` & c\n\n## Same, again\n")
    page = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# One\n\n## Two & three")])
    nbformat.write(page, tmp_path / "page.ipynb")
    good = ["page.md", "page.md#a-b--c", "page.md#same-again", "page.ipynb#Two-&-three", "https://a.org/b?c#d"]
    good += ["#Here-it-is"]
    bad = ["pag.md", "page.md#c", "page.ipynb#two-three", "#There"]
    bad += ["http://a.org", "https://a", "ftp://a.org", "../other.md"]
    (tmp_path.parent / "other.md").write_text("")
    text = "# Here it is\n\n`[code](no)`\n\n```\n[code](no)\n```\n\n" + " ".join(f"[x]({link})" for link in good + bad)
    linking = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(text + ' <img src="no.png">')])
    nbformat.write(linking, tmp_path / "links.ipynb")
    path = tmp_path / "links.ipynb"
    assert targets(path) == [*good, *bad, "no.png"]
    assert [target for target in targets(path) if broken(path, target)] == [*bad, "no.png"]
