"""What the pictures of the mathematics widgets, and all PNGs, are made of: matplotlib, no torch, no browser."""

from collections.abc import Callable, Mapping, Sequence
from io import BytesIO
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from vae_lesson.plots import COLOURS

NODES = 600
PLACED: Any = "none"  # a Figure's layout where each panel is put in its place; matplotlib's types don't know it


class Bar(NamedTuple):
    """A bar from `start` to `end`, in nats, in the colour of a quantity; None is hatched: the gap."""

    name: str
    start: float
    end: float
    colour: str | None


def draw_densities(
    axis: Axes,
    z_range: Sequence[float],
    normals: Mapping[str, tuple[str, Any, Any]],
    target: Callable[[np.ndarray], np.ndarray] | None = None,
) -> None:
    """Normal densities over z: quantity -> (name, mean, variance); and one more density, if given, as the target."""
    z = np.linspace(z_range[0], z_range[1], NODES)
    curves = {"posterior": ("p(z)", target(z))} if target else {}
    for quantity, (name, mean, variance) in normals.items():
        curves[quantity] = name, np.exp(-((z - mean) ** 2) / (2 * variance)) / np.sqrt(2 * np.pi * variance)
    for quantity, (name, density) in curves.items():
        dashes = "--" if quantity == "prior" else "-"
        axis.plot(z, density, dashes, color=COLOURS[quantity], label=f"${name}$", linewidth=2)
    axis.fill_between(z, curves["q"][1], color=COLOURS["q"], alpha=0.15)
    axis.set(xlim=z_range, xlabel="z", ylabel="density")
    axis.set_ylim(bottom=0)
    axis.legend(frameon=False)


def draw_sticks(axis: Axes, z_range: Sequence[float], z: np.ndarray, shares: np.ndarray) -> None:
    """Samples z (K,) with their shares (K,) of the total weight, over the equal share 1/K."""
    axis.vlines(z, 0, shares, color=COLOURS["q"])
    axis.plot(z, shares, "o", color=COLOURS["q"], markersize=4)
    axis.axhline(1 / len(z), color="black", linestyle=":", linewidth=1)
    axis.set(xlim=z_range, ylim=(0, 1.15 * max(shares.max(), 2 / len(z))), xlabel="z", ylabel="share of the weight")


def draw_bars(axis: Axes, bars: Sequence[Bar]) -> None:
    """Horizontal bars in nats, the first on top, each with its length and sign at its end."""
    look: dict[str, Any]
    for row, (_, start, end, colour) in enumerate(bars):
        look = dict(color=COLOURS[colour]) if colour else dict(facecolor="none", edgecolor="black", hatch="////")
        axis.barh(row, end - start, left=start, height=0.6, **look)
        axis.annotate(f"{end - start:.3f}", (max(start, end, 0), row), (5, 0), textcoords="offset points", va="center")
    axis.set(yticks=range(len(bars)), yticklabels=[bar.name for bar in bars], xlabel="nats")
    axis.invert_yaxis()
    axis.margins(x=0.15)
    axis.axvline(0, color="black", linewidth=1)


def draw_integrand(
    axis: Axes, z_range: Sequence[float], integrand: Callable[[np.ndarray], np.ndarray], area: float
) -> None:
    """An integrand over z with its positive area filled and its negative area hatched, and their signed sum."""
    z = np.linspace(z_range[0], z_range[1], NODES)
    values = integrand(z)
    axis.fill_between(z, values, where=values > 0, color=COLOURS["rate"], alpha=0.6)
    axis.fill_between(z, values, where=values < 0, facecolor="none", edgecolor=COLOURS["rate"], hatch="////")
    axis.axhline(0, color="black", linewidth=1)
    axis.set(xlim=z_range, xlabel="z", ylabel="q log(q/p)", title=f"area = KL(q, p) = {area:.3f} nats")


def png(figure: Figure) -> bytes:
    """A figure as PNG, its size in pixels figsize * dpi."""
    FigureCanvasAgg(figure)
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=figure.dpi)
    return buffer.getvalue()
