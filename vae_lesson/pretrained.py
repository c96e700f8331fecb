"""A VAE of the digits that comes with the course, for pages that are to move at once. Used in 00_start_here.

tools/pretrain.py made the file. Its weights are stored in half precision, which moves no pixel by a visible amount.
"""

from pathlib import Path

import torch

from vae_lesson import checkpoint
from vae_lesson.checkpoint import CheckpointError
from vae_lesson.model import VAE

FILE = Path(__file__).with_suffix(".pt")
# Places of its latent plane, one for each kind of digit, chosen by eye so that a short path passes them all.
TOUR = {
    "0": (-0.3, 2.3),
    "2": (2.4, 2.0),
    "6": (1.4, 0.6),
    "5": (2.3, -0.3),
    "1": (1.2, -2.3),
    "7": (-1.8, -1.8),
    "9": (-0.7, -1.15),
    "4": (-0.4, -0.65),
    "8": (0.2, -0.2),
    "3": (0.0, 0.55),
}


def save(model: VAE, path: str | Path = FILE) -> None:
    """Store a model's weights in half precision, in a checkpoint file with its SHA-256; raises CheckpointError."""
    weights = {name: value.half() for name, value in model.state_dict().items()}
    checkpoint.save(path, dict(config=model.config, model=weights))


def load(path: str | Path = FILE) -> VAE:
    """The shipped model: two latents, black-and-white digits of 28 x 28 pixels.

    Args:
        path: the file; another one for tests.

    Returns:
        A VAE on the CPU, its weights float32.

    Raises:
        CheckpointError: the file is missing, damaged or another one; the message says how to mend it.
    """
    try:
        content = checkpoint.load(path)
        with torch.device("meta"):  # shapes without memory, and no draw from torch's own generator
            model = VAE(**content["config"])
        model.load_state_dict({name: value.float() for name, value in content["model"].items()}, assign=True)
    except (KeyError, TypeError, AttributeError, ValueError, RuntimeError) as error:  # CheckpointError is a ValueError
        raise CheckpointError(
            f"the model that comes with the course can't be used ({error}).\nTake the file from the course anew, "
            f"or make it: python tools/pretrain.py"
        ) from error
    return model
