"""What the widgets of lessons 01, 06 and 10 share: numbers, a move by name, a picture. Needs no torch."""

from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from vae_lesson.explorer.bundle import HERE, style
from vae_lesson.explorer.pictures import png
from vae_lesson.explorer.widget import Checked, LessonWidget

NUMBER = int | float | np.integer | np.floating
SHEETS = ("mathematics.css", "instruments.css")


def whole(name: str, choices: Callable[[Any], range | list[int]]) -> Checked:
    """A trait that takes one of `choices(widget)`, whole numbers in rising order."""

    def check(widget: Any, value: Any) -> int:
        wanted = choices(widget)
        if isinstance(value, bool) or not isinstance(value, NUMBER) or value not in wanted:
            told = f"{wanted[0]} to {wanted[-1]}" if isinstance(wanted, range) else ", ".join(map(str, wanted))
            raise ValueError(f"{name} is {value!r}; wanted a whole number: {told}")
        return int(value)

    return Checked(check)


def between(name: str, low: float, high: float) -> Checked:
    """A trait that takes a number from low to high."""

    def check(_: Any, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, NUMBER) or not low <= value <= high:  # NaN is neither
            raise ValueError(f"{name} is {value!r}; wanted a number from {low:g} to {high:g}")
        return float(value)

    return Checked(check)


class Instrument(LessonWidget):
    """A widget with numbers. A subclass writes `numbers`, `draw`, `set` and what LessonWidget asks for."""

    _css = style() + "".join((HERE / sheet).read_text(encoding="utf-8") for sheet in SHEETS)

    @property
    def numbers(self) -> dict[str, float]:
        """Name -> value, computed in Python for where the widget stands."""
        raise NotImplementedError

    def draw(self, figure: Figure) -> None:
        """Draw the widget as it stands."""
        raise NotImplementedError

    def snapshot(self) -> bytes:
        """A picture (PNG) of the widget as it stands, drawn without a browser."""
        figure = Figure(figsize=(7.4, 4.8), dpi=100, facecolor="white", layout="constrained")
        self.draw(figure)
        return png(figure)

    def _move(self, **wanted: Any) -> None:
        """Set traits, all or, if one is refused, none; what is None stays."""
        given = {name: value for name, value in wanted.items() if value is not None}
        checked = {name: self.traits()[name].validate(self, value) for name, value in given.items()}
        with self.hold_sync():
            for name, value in checked.items():
                setattr(self, name, value)
