"""The export: pages that hold everything they need, written whole or not at all. tests/explorer drives them."""

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
import tomllib

import nbformat
import pytest
from bs4 import BeautifulSoup

from vae_lesson import export as export_module
from vae_lesson.__main__ import main
from vae_lesson.export import export, find
from vae_lesson.lab import NOTEBOOKS
from vae_lesson.page import FILES, MODULES_END, Lesson, lesson_page
from vae_lesson.search_index import readable
from vae_lesson.symbolic import printing

ASSETS = {f"assets/{name}" for name in ("page.css", "page.js", "search.js", "search_index.js")}
ASSETS |= {"assets/mathjax/tex-svg-full.js", "assets/mathjax/LICENSE"}

FIRST = """# 1 · Bells & <whistles>

**The question.** What is $p(x)$
made of?

Not this. Go on with [the second](2_second.ipynb#There), not with [another](3_third.ipynb)."""
WIDGETS = """from ipywidgets import IntSlider
from vae_lesson.explorer import KLExplorer
explorer = KLExplorer(mu=0.25)
twin = KLExplorer(mu=-0.25)
explorer"""
CELLS = (
    "import sys\nprint('</script> & <b>out</b>')\nprint('noise', file=sys.stderr)",
    WIDGETS,
    "twin",
    "IntSlider(3)",
    "explorer.set(mu=1.5)",
    "class Both:\n    def _repr_markdown_(self):\n        return '**marked**'\n"
    "    def _repr_latex_(self):\n        return '$latex$'\nBoth()",
    "display({'image/png': 'iVBORw0KGgo=', 'text/plain': 'a figure'}, raw=True, "
    "metadata={'image/png': {'alt': 'two \"bells\" & a hole'}})",
)


def write(folder, name, text, *cells):
    """A notebook with one text and code cells."""
    v4 = nbformat.v4
    notebook = v4.new_notebook(cells=[v4.new_markdown_cell(text), *map(v4.new_code_cell, cells)])
    nbformat.write(notebook, folder / name)
    return str(folder / name)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Two notebooks exported: the folder of their pages."""
    folder = tmp_path_factory.mktemp("course")
    first = write(folder, "1_first.ipynb", FIRST, *CELLS)
    second = write(folder, "2_second.ipynb", "# 2 · Second\n\n## There", "print(6 * 7)")
    export(folder / "new" / "site", [second, first])
    return folder / "new" / "site"


@pytest.fixture(scope="module")
def first(site):
    return BeautifulSoup((site / "1_first.html").read_text(encoding="utf-8"), "html.parser")


def files(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


# the folder


def test_the_folder_is_complete_and_asks_for_nothing_outside(site):
    assert files(site) == ASSETS | {"index.html", "1_first.html", "2_second.html"}
    assert [path.name for path in site.parent.iterdir()] == ["site"]
    for page in site.glob("*.html"):
        soup = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
        targets = [tag[name] for tag in soup.find_all(True) for name in ("href", "src") if tag.has_attr(name)]
        assert len(targets) > 4
        for target in targets:
            assert target.startswith(("data:", "#")) or (site / target.split("#")[0]).is_file(), target
    assert not re.search(r"url\(|@import", (site / "assets/page.css").read_text())


def test_mathjax_is_the_published_file_with_its_licence():
    """MathJax 3.2.2, es5/tex-svg-full.js of the npm package mathjax."""
    digest = hashlib.sha256((FILES / "mathjax/tex-svg-full.js").read_bytes()).hexdigest()
    assert digest == "a4354ff94fd868aea0cc6eaaa79a57fda0588646fc46ee3700a349ee0a11cbe6"
    assert "Apache License" in (FILES / "mathjax/LICENSE").read_text()


def test_what_the_pages_are_made_of_is_packed():
    settings = tomllib.loads((FILES.parents[1] / "pyproject.toml").read_text())["tool"]["setuptools"]
    packed = {path for pattern in settings["package-data"]["vae_lesson"] for path in FILES.parent.glob(pattern)}
    needed = {path for path in FILES.rglob("*") if path.is_file()}
    assert len(needed) == 9 and needed <= packed


def test_the_lessons_are_linked(site, first):
    contents = BeautifulSoup((site / "index.html").read_text(encoding="utf-8"), "html.parser")
    assert [(a["href"], a.text) for a in contents.select("h2 a")] == [
        ("1_first.html", "1 · Bells & <whistles>"),
        ("2_second.html", "2 · Second"),
    ]
    assert contents.li.p.text == "What is $p(x)$\nmade of?"
    links = {a.text: a["href"] for a in first.select("a")}
    assert links["the second"] == "2_second.html#There"
    assert links["Contents"] == "index.html" and links["2 · Second →"] == "2_second.html"
    assert "another" not in links and "not with another." in first.main.text
    second = BeautifulSoup((site / "2_second.html").read_text(encoding="utf-8"), "html.parser")
    assert second.find(id="There").name == "h2"
    assert {a["href"] for a in second.select("nav a")} == {"index.html", "1_first.html"}
    assert "42" in second.main.text


# a page


def test_code_and_outputs(first):
    assert first.title.text == "1 · Bells & <whistles>"
    assert "1_first.ipynb" in first.select_one(".about").text
    assert [cell.text.strip() for cell in first.select(".input")] == list(CELLS)
    assert "import" in [span.text for span in first.select(".highlight .kn")], "code is highlighted"
    outputs = [output.text.strip() for output in first.select(".output_area")]
    assert "</script> & <b>out</b>" in outputs and "noise" not in outputs
    assert "marked" in outputs and "$latex$" not in outputs, "as JupyterLab chooses"
    (figure,) = first.select(".output_png:not(.widget *) img")
    assert figure["alt"] == 'two "bells" & a hole'


def test_widgets_bring_their_code_once_and_their_last_state(first):
    places = first.select(".widget")
    states = {script["data-state"]: script for script in first.select("script[data-state]")}
    assert len(places) == 2 and {place["data-model"] for place in places} == states.keys()
    stored = [json.loads(states[place["data-model"]].string)["state"] for place in places]
    assert [(state["mu"], state["view"]) for state in stored] == [(1.5, "prior"), (-0.25, "prior")]
    assert not any(name.startswith("_") for state in stored for name in state)
    (module,) = first.select("script[type=module]")
    (name,) = {script["data-module"] for script in states.values()}
    assert f'showWidgets("{name}", {{ render }});' in module.string and "export" not in module.string
    assert sum(".vae-plane" in style.string for style in first.select("style")) == 1
    for place in places:
        assert place.img["src"].startswith("data:image/png;base64,iVBOR") and "densities" in place.img["alt"]
    assert "IntSlider" in first.main.text, "a widget that can't live here shows its text"


def page_of(code, **traits):
    """The page of a notebook whose only widget has the given module and traits."""
    notebook = nbformat.v4.new_notebook()
    state = {"_esm": code, "_css": "", "_anywidget_id": "Mine", **traits}
    notebook.metadata.widgets = {
        "application/vnd.jupyter.widget-state+json": {"state": {"abc": {"state": state, "buffers": []}}}
    }
    return lesson_page(notebook, [Lesson(NOTEBOOKS / "x.ipynb", "x", "")], 0)


def test_nothing_in_a_widget_ends_the_script_that_it_stands_in():
    page = page_of(MODULES_END, text="</script><b>&amp;")
    (script,) = BeautifulSoup(page, "html.parser").select("script[data-state]")
    assert json.loads(script.string)["state"] == {"text": "</script><b>&amp;"}
    for code in ("export default { other };", f"{MODULES_END} {MODULES_END}", f"// </script>\n{MODULES_END}"):
        with pytest.raises(ValueError, match="Mine: a page takes only a module that ends with"):
            page_of(code)
    with pytest.raises(ValueError, match="JSON"):
        page_of(MODULES_END, number=float("nan"))


def test_the_checkers_colours_have_their_dark_ones():
    dark = (FILES / "page.css").read_text().split("prefers-color-scheme: dark")[1]
    for colour in (printing.BLUE, printing.GREEN, printing.RED, printing.ORANGE):
        assert f'[fill="{colour}"]' in dark


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem)
def test_every_lesson_has_a_title_and_a_question(path):
    lesson = Lesson.read(path)
    assert re.match(r"\d+ · \w", lesson.title) and "$" not in lesson.title
    assert 40 < len(lesson.question) < 500 and "?" in lesson.question


# the search


def test_the_index_has_prose_and_code_under_their_headings(site):
    text = (site / "assets" / "search_index.js").read_text(encoding="utf-8")
    sections = json.loads(text.removeprefix("globalThis.searchIndex = ").removesuffix(";\n"))
    assert [(s["page"], s["lesson"], s["heading"], s["place"]) for s in sections] == [
        ("1_first.html", "1 · Bells & <whistles>", "1 · Bells & <whistles>", ""),
        ("2_second.html", "2 · Second", "2 · Second", ""),
        ("2_second.html", "2 · Second", "There", "There"),
    ]
    first, second, there = (section["text"] for section in sections)
    assert first.startswith("The question. What is p(x) made of? Not this. Go on with the second,")
    assert "import sys print('</script> & <b>out</b>')" in first and "explorer.set(mu=1.5)" in first
    assert second == "" and there == "print(6 * 7)", "outputs are not searched"


@pytest.mark.parametrize(
    ("written", "typed"),
    [
        (r"so $\log p(x \mid z)$ is", "so log p(x|z) is"),
        (r"$$D_{\mathrm{KL}}\left(q \,\|\, p\right) \ge 0$$", "D_KL(q ‖ p) ge 0"),
        (r"$\tfrac12 \mathbb{E}_q\big[z\big]$ nats", "12 E_q[z] nats"),
        (r"$\bigcup \mathcal{L}$, $\sigma^2$", "bigcup L, sigma^2"),
        (r"costs \$5, or $x$", "costs $5, or x"),
    ],
)
def test_formulas_can_be_searched_as_one_types_them(written, typed):
    assert readable(written) == typed


# what goes wrong


def test_a_failure_leaves_everything_as_it_was(tmp_path):
    good = write(tmp_path, "good.ipynb", "# Good", "print(1)")
    failing = write(tmp_path, "worse.ipynb", "# Worse", "1 + 1", "1 / 0")
    dying = write(tmp_path, "worst.ipynb", "# Worst", "import os\nos._exit(1)")
    site = tmp_path / "out" / "site"
    export(site, [good])
    before = {name: (site / name).read_bytes() for name in files(site)}
    with pytest.raises(ValueError, match=r"worse.ipynb: ZeroDivisionError: division by zero\n.*\n1 / 0$"):
        export(site, [good, failing])
    with pytest.raises(ValueError, match=r"worst.ipynb: the kernel died"):
        export(site, [dying])
    assert {name: (site / name).read_bytes() for name in files(site)} == before
    assert [path.name for path in site.parent.iterdir()] == ["site"]

    other = write(tmp_path, "other.ipynb", "# An expected error", "1")
    export(site, [other])
    assert files(site) == ASSETS | {"index.html", "other.html"}, "an earlier export is replaced"


def test_other_folders_are_not_touched(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(ValueError, match="holds something else than an earlier export"):
        export(tmp_path, ["05"])
    with pytest.raises(ValueError, match=r"no notebook '77'; the course has .*05_gaussian_kl"):
        export(tmp_path / "site", ["77"])
    assert files(tmp_path) == {"thesis.txt"}


def test_names(tmp_path, monkeypatch):
    mine = write(tmp_path, "00_mine.ipynb", "")
    assert [path.name for path in find(["08", "05_gaussian_kl.ipynb", "05", mine])] == [
        "00_mine.ipynb", "05_gaussian_kl.ipynb", "08_train.ipynb"
    ]  # fmt: skip
    assert find([]) == sorted(NOTEBOOKS.glob("*.ipynb"))
    monkeypatch.setattr(export_module, "NOTEBOOKS", tmp_path / "none")
    with pytest.raises(ValueError, match=r"no notebooks at .*none"):
        find([])


def test_the_command(tmp_path, monkeypatch, capsys):
    seen = []
    monkeypatch.setattr(export_module, "export", lambda *arguments: seen.append(arguments))
    assert main(["export"]) == 0 and main(["export", "05", "08", "--to", str(tmp_path)]) == 0
    (folder, names), (other, some) = seen
    assert folder.as_posix() == "build/pages" and names == [] and other == tmp_path and some == ["05", "08"]
    monkeypatch.undo()
    assert main(["export", "77"]) == 1
    assert "vae_lesson export: no notebook '77'" in capsys.readouterr().err


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals")
def test_ctrl_c(tmp_path):
    wait = "open('begun', 'w').close()\nimport time\ntime.sleep(99)"
    slow = write(tmp_path, "slow.ipynb", "# Slow", wait)
    command = [sys.executable, "-m", "vae_lesson", "export", "--to", str(tmp_path / "out" / "site"), slow]
    # a child of nohup would ignore Ctrl-C
    listens = dict(preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler))
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **listens)
    try:
        end = time.monotonic() + 300
        while not (tmp_path / "begun").exists() and time.monotonic() < end:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=90)
    finally:
        process.kill()
    assert process.returncode == 130 and "Traceback" not in err and out == ""
    assert list((tmp_path / "out").iterdir()) == []
