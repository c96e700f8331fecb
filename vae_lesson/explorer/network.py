"""What the browser gets of a model: its decoder's weights, and where q(z|x) puts the images."""

import torch
from torch import Tensor, nn

from vae_lesson.model import VAE


def pack_mlp(net: nn.Sequential) -> tuple[list[list[int]], bytes]:
    """The layers and weights that mlp.js takes.

    Args:
        net: Linear layers, each followed by a ReLU or by nothing.

    Returns:
        [inputs, outputs, relu] for each linear layer, and all weights as float32: for each its matrix (outputs, inputs)
        row by row, then its bias (outputs,).

    Raises:
        ValueError: another kind of layer, or a weight that is not a finite number.
    """
    layers, weights = [], []
    for layer in net:
        if isinstance(layer, nn.Linear):
            layers.append([layer.in_features, layer.out_features, 0])
            bias = torch.zeros(layer.out_features) if layer.bias is None else layer.bias
            weights += [float32(layer.weight).flatten(), float32(bias)]
        elif isinstance(layer, nn.ReLU) and layers and not layers[-1][2]:
            layers[-1][2] = 1
        else:
            raise ValueError(f"the net must be made of Linear layers with ReLU between them, but has {layer}")
    values = torch.cat(weights) if weights else torch.empty(0)
    if not len(values) or not values.isfinite().all():
        raise ValueError("the net must have weights, all of them finite numbers")
    return layers, float32_bytes(values)


@torch.no_grad()
def posterior(model: VAE, images: Tensor, batch_size: int = 1000) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of q(z|x) for images (n, *image_shape): two float32 CPU tensors (n, latent_dim)."""
    where = next(model.parameters())
    parts = [model.encode(x.to(where)) for x in images.split(batch_size)]
    mu, log_var = (float32(torch.cat(part)) for part in zip(*parts, strict=True))
    return mu, torch.exp(0.5 * log_var)


@torch.no_grad()
def decoded(model: VAE, z: Tensor) -> Tensor:
    """The mean image of p(x|z) for z (..., latent_dim): float32 (..., *image_shape), on the CPU."""
    return float32(model.decode(z.to(next(model.parameters()))).mean)


def float32(values: Tensor) -> Tensor:
    """Values as float32 on the CPU, apart from any gradient."""
    return values.detach().to("cpu", torch.float32)


def float32_bytes(values: Tensor) -> bytes:
    """Values as little-endian float32, row by row."""
    return float32(values).contiguous().numpy().astype("<f4").tobytes()
