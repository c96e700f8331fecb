"""What a benchmark found, beside what is wanted: a line each, and for all.py a line in a file."""

import json
import os

FILE = "VAE_LESSON_FIGURES"  # the variable that names the file


def figure(what: str, found: str, wanted: str) -> None:
    """Say a figure; what is wanted is a goal that decides nothing, for machines differ."""
    show(what, found, wanted)
    if path := os.environ.get(FILE):
        with open(path, "a", encoding="utf-8") as file:
            print(json.dumps((what, found, wanted)), file=file)


def show(what: str, found: str, wanted: str) -> None:
    """One line of the table."""
    print(f"{what:66}{found:>16}   {wanted}", flush=True)
