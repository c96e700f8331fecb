"""Page 00 tells the truth about the others: its map, its table of notation, and the colours in it."""

import re
from pathlib import Path

import nbformat
import pytest

from vae_lesson.page import Lesson
from vae_lesson.plots import COLOURS

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = {path.name[:2]: path for path in sorted((ROOT / "notebooks").glob("[01][0-9]_*.ipynb"))}


def cells(number):
    return nbformat.read(NOTEBOOKS[number], as_version=4).cells


def source(number):
    return "\n\n".join(cell.source for cell in cells(number))


def table(heading):
    """The rows of the table that stands first after a heading of page 00, each a list of cells."""
    after = source("00").split(f"\n## {heading}\n")[1]
    lines = re.search(r"^\|.*\n\|[-|: ]+\|\n((?:\|.*\n?)+)", after, re.MULTILINE)[1].splitlines()
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


MAP = {re.search(r"(\d\d)_", row[0])[1]: row for row in table("The map")}
NOTATION = table("The notation")


def test_the_map_has_every_page_in_its_order():
    assert [*MAP] == sorted(MAP) and {*NOTEBOOKS} - {"00"} <= {*MAP}


@pytest.mark.parametrize("number", [number for number in MAP if number in NOTEBOOKS])
def test_the_map_says_what_the_page_says(number):
    link, _, minutes, needs = MAP[number]
    opening = cells(number)[0].source
    assert link == f"[{Lesson.read(NOTEBOOKS[number]).title}]({NOTEBOOKS[number].name})"
    time = re.search(r"\*\*Time:\*\*(.*?)\*\*", opening, re.DOTALL)[1].replace("\n", " ")
    read, *exercises = (int(found) for found in re.findall(r"(\d+)(?: minutes| for the (?:\w+ )?exercises)", time)[:2])
    assert minutes == " + ".join(map(str, [read, *exercises]))
    needed = re.search(r"\*\*Needs:\*\*(.*?)\*\*Time", opening, re.DOTALL)[1]
    before = re.findall(r"\((\d\d)_\w+\.ipynb\)", needed)
    assert [f"{int(one):02}" for one in re.findall(r"\d+", needs)] == before
    code = "\n".join(cell.source for cell in cells(number) if cell.cell_type == "code")
    assert ("torch" in needs) == bool(re.search(r"^import torch", code, re.MULTILINE))


@pytest.mark.parametrize("number", ["00", *MAP])
def test_the_readme_has_the_page_with_its_minutes(number):
    if number not in NOTEBOOKS:
        pytest.skip("not written yet")
    rows = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    (row,) = (row for row in rows if row.startswith("| [") and f"(notebooks/{NOTEBOOKS[number].name})" in row)
    _, question, minutes = row.strip("| ").split(" | ")
    assert minutes == re.search(r"\*\*Time:\*\* (\d+)", cells(number)[0].source)[1]
    assert number == "00" or question == MAP[number][1]


@pytest.mark.parametrize("row", NOTATION, ids=lambda row: row[1].split(",")[0].replace("*", ""))
def test_a_name_in_code_is_used_where_it_is_said_to_be_introduced(row):
    _, _, names, _, lesson = row
    text = source(f"{int(lesson):02}")
    for name in re.findall(r"`([^`]+)`", names):
        assert re.search(rf"(?<!\w){re.escape(name)}", text), f"{name} is not in lesson {lesson}"


def test_the_colours_of_the_table_are_those_of_the_figures():
    shown = {}
    for _, meaning, _, swatch, _ in NOTATION:
        if found := re.search(r'color: ?(#\w{6})">■', swatch):
            shown[re.search(r"\*\*([^*]+)\*\*", meaning)[1]] = found[1]
    names = {"approximate posterior": "q", "posterior": "posterior", "prior": "prior", "evidence": "evidence",
             "evidence lower bound": "elbo", "rate": "rate", "distortion": "distortion"}
    assert {names[name]: colour for name, colour in shown.items()} == COLOURS


def test_the_colours_of_the_widgets_are_those_of_the_figures():
    sheet = (ROOT / "vae_lesson/explorer/explorer.css").read_text().split("}")[0]
    found = dict(re.findall(r"--vae-(\w+): (#\w{6});", sheet))
    assert {name: found[name] for name in COLOURS} == COLOURS
