"""Images and their classes as the widgets take them: checked, and as bytes for the browser."""

from collections.abc import Sequence

import torch
from matplotlib.colors import to_hex
from torch import Tensor

from vae_lesson.model import VAE
from vae_lesson.plots import CLASSES


def check_images(model: VAE, images: Tensor) -> None:
    """Raise ValueError if images are not (n, *image_shape) in [0, 1], or the model's images can't be drawn."""
    shape = tuple(model.image_shape)
    if len(shape) not in (2, 3) or (len(shape) == 3 and shape[0] not in (1, 3)):
        raise ValueError(f"model must make images of shape (height, width) or (1 or 3, height, width), not {shape}")
    if not isinstance(images, Tensor) or images.shape[1:] != shape or not len(images):
        came = tuple(images.shape) if isinstance(images, Tensor) else type(images).__name__
        wanted = ", ".join(map(str, shape))
        raise ValueError(f"images must be a tensor of shape (n, {wanted}) with n > 0, not {came}")
    if not ((images >= 0) & (images <= 1)).all():  # false for NaN too
        raise ValueError("images must lie in [0, 1]")


def check_labels(labels: Sequence[int] | Tensor | None, n: int) -> Tensor | None:
    """Labels as a tensor (n,) of whole numbers from 0 to 255, or None; raises ValueError."""
    if labels is None:
        return None
    labels = torch.as_tensor(labels).cpu()
    if labels.shape != (n,):
        raise ValueError(f"labels must have shape ({n},), one for each image, not {tuple(labels.shape)}")
    if labels.is_floating_point() or labels.min() < 0 or labels.max() > 255:
        raise ValueError("labels must be whole numbers from 0 to 255")
    return labels


def class_bytes(labels: Tensor | None) -> bytes:
    """One byte for each label; empty without labels."""
    return b"" if labels is None else bytes(labels.tolist())


def class_colours(labels: Tensor | None) -> dict[str, str]:
    """The colour of each class that occurs, the same as in the figures."""
    return {} if labels is None else {str(k): to_hex(CLASSES(k % CLASSES.N)) for k in labels.unique().tolist()}


def image_bytes(images: Tensor) -> bytes:
    """Images with values in [0, 1] as one byte a pixel."""
    return (255 * images.float()).round().to("cpu", torch.uint8).contiguous().numpy().tobytes()


def channels_first(image_shape: Sequence[int]) -> list[int]:
    """[channels, height, width] of an image shape (height, width) or (channels, height, width)."""
    return [1, *image_shape] if len(image_shape) == 2 else list(image_shape)
