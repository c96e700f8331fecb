"""The bundler joins modules in the right order and refuses what it does not understand."""

import re

import pytest

from vae_lesson import plots
from vae_lesson.explorer.bundle import HERE, bundle, style

ENTRY = 'import { two } from "./two.js";\n\nexport function render() {\n  return two();\n}\n'


def write(folder, **modules):
    for name, text in modules.items():
        (folder / f"{name}.js").write_text(text, encoding="utf-8")
    return folder


def test_a_module_stands_after_those_that_it_imports_and_only_once(tmp_path):
    one = "export const one = 1;\n"
    two = 'import { one } from "./one.js";\n\nexport function two() {\n  return one;\n}\n'
    entry = 'import { one } from "./one.js";\n' + ENTRY.replace("two()", "two() + one")
    text = bundle("entry.js", write(tmp_path, one=one, two=two, entry=entry))
    parts = ("const one", "function two", "function render", "export default { render };")
    places = [text.index(part) for part in parts]
    assert places == sorted(places)
    assert text.count("const one") == 1
    assert not re.search(r"^import|^export (?!default)", text, re.MULTILINE)


@pytest.mark.parametrize(
    ("two", "message"),
    [
        ("export function three() {}\n", "imports two, which two.js does not export"),
        ("export function two() {}\nfunction render() {}\n", "render is declared in two.js and again in entry.js"),
        ("export function two() {}\nexport default two;\n", "does not know the line 'export default two;'"),
        ('import x from "https://cdn.example/x.js";\nexport function two() {}\n', "not know the line 'import x from"),
        ('import { render } from "./entry.js";\nexport function two() {}\n', "entry.js > two.js > entry.js"),
    ],
)
def test_what_the_bundler_refuses(tmp_path, two, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        bundle("entry.js", write(tmp_path, entry=ENTRY, two=two))


def test_an_entry_without_render_is_refused(tmp_path):
    with pytest.raises(ValueError, match="must export a function render"):
        bundle("entry.js", write(tmp_path, entry="export function draw() {}\n"))


def test_nothing_comes_from_the_network():
    for path in [*HERE.glob("*.js"), *HERE.glob("*.css")]:
        assert not re.search(r"https?://|\bfetch\(|\bimport\(|@import", path.read_text(encoding="utf-8")), path.name


def test_the_colours_of_quantities_are_those_of_the_figures():
    light = style().split("}")[0]
    assert {name: f"--vae-{name}: {colour};" in light for name, colour in plots.COLOURS.items()} == dict.fromkeys(
        plots.COLOURS, True
    )
