"""What the widgets of the mathematics lessons share: a Gaussian q over one latent, to drag. Needs no torch."""

from math import isnan, nan
from typing import Any

import traitlets
from matplotlib.figure import Figure

from vae_lesson.explorer.bundle import HERE, style
from vae_lesson.explorer.pictures import png
from vae_lesson.explorer.widget import Checked, LessonWidget


def _within(name: str) -> Checked:
    """A trait that takes a number inside the range that the widget's `<name>_range` holds."""

    def check(widget: "QWidget", value: Any) -> float:
        low, high = getattr(widget, f"{name}_range")
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = nan
        if isnan(number) or not low <= number <= high:
            raise traitlets.TraitError(f"{name} must be a number from {low:.4f} to {high:.4f}, not {value!r}")
        return number

    return Checked(check)


class QWidget(LessonWidget):
    """A widget over q = N(mu, exp(log_var)). A subclass writes `numbers`, `draw` and what LessonWidget asks for.

    Attributes:
        mu, log_var: mean and log-variance of q; set them to move it.
        mu_range, log_var_range: lowest and highest of each.
        z_range: ends of the axis that is drawn.
        view: which picture is below the densities.
    """

    _css = style() + (HERE / "mathematics.css").read_text(encoding="utf-8")

    mu_range = traitlets.Tuple(traitlets.Float(), traitlets.Float()).tag(sync=True)
    log_var_range = traitlets.Tuple(traitlets.Float(), traitlets.Float()).tag(sync=True)
    z_range = traitlets.Tuple(traitlets.Float(), traitlets.Float()).tag(sync=True)
    view = traitlets.Unicode().tag(sync=True)
    mu = _within("mu").tag(sync=True, echo_update=False)  # an echo would pull q back under the hand
    log_var = _within("log_var").tag(sync=True, echo_update=False)

    @property
    def numbers(self) -> dict[str, float]:
        """Name -> exact value, computed in Python for the present q."""
        raise NotImplementedError

    def set(self, mu: float | None = None, log_var: float | None = None) -> None:
        """Move q, on the page too; what is not given stays.

        Raises:
            TraitError: a value is not a number inside its range; then nothing moves.
        """
        given = {name: value for name, value in {"mu": mu, "log_var": log_var}.items() if value is not None}
        checked = {name: self.traits()[name].validate(self, value) for name, value in given.items()}
        with self.hold_sync():
            for name, value in checked.items():
                setattr(self, name, value)

    def draw(self, figure: Figure) -> None:
        """Draw the widget as it stands."""
        raise NotImplementedError

    def snapshot(self) -> bytes:
        """A picture (PNG) of the widget as it stands, drawn without a browser."""
        figure = Figure(figsize=(6.6, 5.2), dpi=100, facecolor="white", layout="constrained")
        self.draw(figure)
        return png(figure)
