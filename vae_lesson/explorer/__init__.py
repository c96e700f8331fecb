"""The widgets of the course, Python and their small JavaScript: what a reader moves.

Each is imported when it is first asked for, so that the lessons on mathematics need no torch.
"""

from importlib import import_module
from typing import Any

HOMES = {
    "BoundExplorer": "bound_explorer",
    "DrawADigit": "draw_a_digit",
    "Interpolation": "interpolation",
    "KLExplorer": "kl_explorer",
    "LatentExplorer": "latent_explorer",
    "LatentWalk": "latent_walk",
    "MonteCarloExplorer": "monte_carlo_explorer",
    "PosteriorExplorer": "posterior_explorer",
    "Progress": "progress",
    "RunPicture": "runs_explorer",
    "RunsExplorer": "runs_explorer",
    "TrainingDashboard": "training_dashboard",
}

__all__ = [*HOMES]


def __getattr__(name: str) -> Any:
    if name not in HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{HOMES[name]}"), name)
