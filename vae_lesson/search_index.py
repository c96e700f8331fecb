"""What the search of the exported pages looks through: the prose and the code of every lesson, heading by heading."""

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from bs4 import BeautifulSoup

# TeX that only dresses what it stands before.
WORDS = r"left|right|[a-z]?frac|math[a-z]+|text|operatorname|boldsymbol|big|q?quad"
DRESS = re.compile(rf"\\(?:[,;!: ]|(?:{WORDS})(?![a-z]))")


@dataclass(frozen=True)
class Section:
    """A heading and what follows it: the page's file, the lesson's title, the heading, its id, and the words."""

    page: str
    lesson: str
    heading: str
    place: str
    text: str


def sections(html: str, page: str, title: str) -> list[Section]:
    """The sections of a lesson's page, in its order.

    Args:
        html: the page, as `page.lesson_page` makes it.
        page: its file name.
        title: the lesson's title, which heads what stands before the first heading of level 2.
    """
    heads, texts = [(title, "")], [""]
    main = BeautifulSoup(html, "html.parser").main
    for block in main.select(".rendered_html > *, .input pre") if main else []:
        if block.name in ("h2", "h3"):
            heads.append((readable(block.get_text()).removesuffix("¶").strip(), str(block["id"])))
            texts.append("")
        elif block.name != "h1":  # the title again
            texts[-1] += " " + (block.get_text() if block.name == "pre" else readable(block.get_text()))
    return [
        Section(page, title, heading, place, " ".join(text.split()))
        for (heading, place), text in zip(heads, texts, strict=True)
    ]


def readable(text: str) -> str:
    """Text with its formulas as one would type them: `$\\log p(x \\mid z)$` becomes `log p(x|z)`."""
    typed = re.sub(r"(?<!\\)\$+([^$]+)\$+", lambda formula: _typed(formula[1]), text)
    return typed.replace(r"\$", "$")  # a price


def script(found: Sequence[Section]) -> str:
    """The index as a script, because a page that was opened from the disk may not read other files."""
    return f"globalThis.searchIndex = {json.dumps([asdict(section) for section in found], ensure_ascii=False)};\n"


def _typed(tex: str) -> str:
    tex = re.sub(r"\s*\\mid\s*", "|", tex)
    return re.sub(r"[\\{}]", "", DRESS.sub("", tex.replace(r"\|", "‖")))
