"""The loss of a Bernoulli VAE and its gradient, both written out: what autograd finds by itself, in less time.

`train` takes them where they serve. The second half of `gradient` is the chain rule, from the last line of the first
half up.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import softplus

from vae_lesson.model import LOG_VAR_BOUND, VAE, as_built
from vae_lesson.objective import gaussian_kl


def serves(model: VAE) -> bool:
    """Whether `gradient` is this model's: as the package builds it, for pixels of 0 and 1, on a CPU or NVIDIA GPU.

    Not so where a parameter is not to learn, or does not lie in memory in its usual order.
    """
    parameters = [*model.parameters()]
    learns = all(one.requires_grad and one.is_contiguous() for one in parameters)
    here = all(one.device.type in ("cpu", "cuda") for one in parameters)
    return as_built(model) and model.likelihood == "bernoulli" and learns and here


def layers(model: VAE) -> tuple[list[Tensor], list[Tensor]]:
    """The encoder's and the decoder's parameters, weight and bias in turns; finding them takes a while."""
    return list(model.encoder.parameters()), list(model.decoder.parameters())


@torch.no_grad()
def gradient(
    encoder: list[Tensor], decoder: list[Tensor], x: Tensor, noise: Tensor, *, beta: float, weight: float
) -> tuple[list[Tensor], Tensor]:
    """The gradient of weight * (distortion + beta * rate), summed over images and in nats, and the two terms.

    Within torch.autocast the layers, and what enters and leaves them, are of its type; all else is of the parameters'.

    Args:
        encoder, decoder: the `layers` of a VAE that this module `serves`.
        x: images of 0 and 1, shape (batch, *image_shape).
        noise: standard normal, shape (batch, latent_dim).
        beta, weight: see above; weight is 1 / batch for the mean.

    Returns:
        The gradient, one tensor for each of the encoder's, then the decoder's, parameters; and rate and distortion
        summed over images, shape (2,).

    Source: Kingma & Welling (2014), equation 10; beta: Higgins et al. (2017).
    """
    x = x.flatten(1)
    autocast = torch.is_autocast_enabled(x.device.type) and x.dtype == torch.float32
    product_type = torch.get_autocast_dtype(x.device.type) if autocast else x.dtype
    encoder, decoder = ([parameter.to(product_type) for parameter in part] for part in (encoder, decoder))

    seen_by_encoder, head = through(encoder, x.to(product_type))
    mu, raw = head.to(x.dtype).chunk(2, dim=-1)
    bent = torch.tanh(raw / LOG_VAR_BOUND)  # keeps log_var within its bound, see VAE.encode
    log_var = LOG_VAR_BOUND * bent
    sigma = torch.exp(0.5 * log_var)
    z = mu + sigma * noise
    seen_by_decoder, logits = through(decoder, z.to(product_type))
    logits = logits.to(x.dtype)
    rate = gaussian_kl(mu, log_var).sum()
    # log(1 + e^l) - x l, for an l above 40 the first is l: e^-40 is nothing beside it.
    distortion = softplus(logits, threshold=40).addcmul_(x, logits, value=-1).sum()

    d_logits = logits.sigmoid_().sub_(x).mul_(weight)  # d_... is the derivative of the whole by ...
    d_decoder, d_first = back(decoder, seen_by_decoder, d_logits)
    d_z = (d_first @ decoder[0]).to(x.dtype)
    d_rate = weight * beta
    d_mu = d_z + d_rate * mu
    d_log_var = 0.5 * (d_z * noise * sigma + d_rate * (sigma**2 - 1))
    d_raw = d_log_var * (1 - bent**2)
    d_encoder, _ = back(encoder, seen_by_encoder, torch.cat([d_mu, d_raw], dim=-1))
    return d_encoder + d_decoder, torch.stack([rate, distortion])


def through(parameters: Sequence[Tensor], value: Tensor) -> tuple[list[Tensor], Tensor]:
    """What each layer sees, and what the last one gives: a ReLU before each layer but the first."""
    seen: list[Tensor] = []
    for weight, bias in zip(parameters[::2], parameters[1::2], strict=True):
        seen.append(value.relu_() if seen else value)
        value = torch.addmm(bias, seen[-1], weight.T)
    return seen, value


def back(parameters: Sequence[Tensor], seen: Sequence[Tensor], d_output: Tensor) -> tuple[list[Tensor], Tensor]:
    """Given the derivative by the last layer's output: those by all weights and biases, and by the first's output."""
    parameter_type, derivatives = d_output.dtype, []
    for number in reversed(range(len(seen))):
        d_bias = d_output.sum(0, dtype=parameter_type)
        d_output = d_output.to(seen[number].dtype)
        d_weight = d_output.T @ seen[number]
        derivatives = [d_weight.to(parameter_type), d_bias, *derivatives]
        if number:  # a ReLU's derivative is 1 where it lets something through and 0 where not: the sign of what it gave
            d_output = (d_output @ parameters[2 * number]).mul_(seen[number].sign())
    return derivatives, d_output
