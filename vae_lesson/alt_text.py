"""Figures that carry their picture in words, for readers who hear the page: stored with the image as its alt text."""

import re
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any

from matplotlib import figure as matplotlib_figure
from matplotlib.axes import Axes


class Figure(matplotlib_figure.Figure):
    """A matplotlib Figure with `alt`, the picture in words."""

    alt = ""

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict, dict]:
        return {}, {"image/png": {"alt": self.alt}}  # the image itself comes from matplotlib's own formatter


def described(draw: Callable[..., Figure]) -> Callable[..., Figure]:
    """Let a drawing function's first line of documentation be its figure's alt text, with titles, axes and legends."""
    says, _, _ = (draw.__doc__ or "").partition("\n")

    @wraps(draw)
    def drawn(*args: Any, **kwargs: Any) -> Figure:
        figure = draw(*args, **kwargs)
        panels = dict.fromkeys(", ".join(_words(axis)) for axis in figure.axes)  # a hundred images are named once
        parts = filter(None, [_plain(figure.get_suptitle()), *panels])
        figure.alt = " ".join([says, *(f"{part[:1].upper()}{part[1:]}." for part in parts)])
        return figure

    return drawn


def _words(axis: Axes) -> Iterator[str]:
    """What stands on and beside one panel."""
    yield from filter(None, [_plain(axis.get_title())])
    for name, label in (("across", axis.get_xlabel()), ("upwards", axis.get_ylabel())):
        if label:
            yield f"{name}: {_plain(label)}" if axis.axison and len(axis.get_xticks()) else _plain(label)
    names = [_plain(text) for text in axis.get_legend_handles_labels()[1]]
    if names:
        yield f"shown: {'; '.join(names)}"


def _plain(text: str) -> str:
    """A label without its LaTeX: '$\\log p(x\\mid z)$' to 'log p(x | z)'."""
    text = re.sub(r"\\(mid|vert|,|;| )", lambda match: {"mid": " |", "vert": "|"}.get(match[1], " "), text)
    return re.sub(r"\s+", " ", re.sub(r"\\(mathrm|operatorname|mathit)|[${}\\]", "", text)).strip()
