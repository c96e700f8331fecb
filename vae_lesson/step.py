"""One step of training: its noise, its loss and its gradient. `train` says when, this says what. Taught in 08_train."""

import contextlib
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from vae_lesson import by_hand
from vae_lesson.capture import Captured
from vae_lesson.distributed import Group
from vae_lesson.evaluate import as_pixels
from vae_lesson.model import VAE, as_built, standard_normal
from vae_lesson.objective import elbo, k_sample_bound
from vae_lesson.run import Run

Step = Callable[[Tensor], Tensor]


class Objective(nn.Module):
    """The loss of some images and the terms of their ELBO; a module, for DistributedDataParallel wraps modules."""

    def __init__(self, model: VAE, beta: float, k: int):
        super().__init__()
        self.model, self.beta, self.k = model, beta, k

    def forward(self, x: Tensor, noise: Tensor, k_noise: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Summed over images: the loss, and rate and distortion without their gradient, shape (2,).

        Args:
            x: images as the likelihood wants them, shape (batch, *image_shape).
            noise: standard normal, shape (batch, latent_dim).
            k_noise: standard normal, shape (k, batch, latent_dim), for the K-sample bound if k is more than 1.
        """
        _, rate, distortion = elbo(self.model, x, noise, check=False)
        loss = distortion + self.beta * rate
        if self.k > 1:
            loss = -k_sample_bound(self.model, x, self.k, k_noise, check=False)
        return loss.sum(), torch.stack([rate.detach().sum(), distortion.detach().sum()])


@contextlib.contextmanager
def products(precision: str, device: torch.device) -> Iterator[None]:
    """Matrix products of that precision, see `train`; the old one is back at the end."""
    if precision == "medium" and device.type == "cpu" and multiplies_bfloat16():
        with torch.autocast("cpu", torch.bfloat16):  # what enters products is made bfloat16 once, not for each of them
            yield
        return
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(precision)
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def multiplies_bfloat16() -> bool:
    """Whether this is a processor of the x86 kind with products of bfloat16; without them autocast would be slower."""
    able = getattr(torch.cpu, "get_capabilities", dict)()  # an older torch can't tell
    return bool(able.get("avx512_bf16") or able.get("amx_bf16"))


def dice_of(generator: torch.Generator, device: torch.device) -> Callable[[], torch.Generator]:
    """What gives, for each step, the generator of its noise: a run's own or, on an NVIDIA GPU, one there.

    To draw the noise on the CPU would take a GPU as long as all the rest of a step, or several times as long.
    """
    return partial(set_anew, torch.Generator(device), generator) if device.type == "cuda" else lambda: generator


def set_anew(there: torch.Generator, source: torch.Generator) -> torch.Generator:
    """The generator, set by a number from another, which so remains the one source of randomness."""
    return there.manual_seed(int(torch.randint(2**63 - 1, (), generator=source, device="cpu")))


def stepping(run: Run, group: Group, *, capture: bool | None = None) -> Step:
    """The step of a run, as a function.

    Args:
        run: its model, optimizer and generator are what the step changes.
        group: the processes that train together.
        capture: whether to replay the computing as one CUDA graph, see `Captured`; None: on the current GPU, if it is
            one of NVIDIA's, in one process. A model that is not as the package builds it is never recorded.

    Returns:
        step(images): one step of the optimizer on the mean loss of a batch, pixels in [0, 1], shape (n, *image_shape).
        It returns rate and distortion summed over this process's share of the batch, shape (2,), in nats.
    """
    model = run.model
    beta, k, precision = (run.settings[name] for name in ("beta", "k", "precision"))
    device = next(model.parameters()).device
    objective: nn.Module = Objective(model, beta, k)
    if group.size > 1:
        objective = DistributedDataParallel(objective)  # its backward averages the gradients over the processes

    @lru_cache(1)
    def layers(epoch: int) -> tuple[list[Tensor], list[Tensor]]:
        return by_hand.layers(model)

    def learn(counts: float, n: float, x: Tensor, *noise: Tensor) -> Tensor:
        with products(precision, device):
            loss, terms = objective(x, *noise)
            run.optimizer.zero_grad()
            (loss * counts / n).backward()
        run.optimizer.step()
        return terms

    def learn_by_hand(counts: float, n: float, x: Tensor, noise: Tensor) -> Tensor:
        encoder, decoder = layers(run.epoch)
        with products(precision, device):
            gradient, terms = by_hand.gradient(encoder, decoder, x, noise, beta=beta, weight=counts / n)
        for parameter, derivative in zip(encoder + decoder, gradient, strict=True):
            parameter.grad = derivative
        run.optimizer.step()
        return terms

    def compute(known: bool, *given: Any) -> Tensor:
        return learn_by_hand(*given) if known else learn(*given)

    if capture is None:
        capture = group.size == 1 and device.type == "cuda" and device.index == torch.cuda.current_device()
    captured = Captured(compute, run) if capture else None

    @lru_cache(1)
    def ways(epoch: int) -> tuple[bool, Callable[..., Tensor]]:
        """By hand or not, recorded or not: asked anew in each epoch, for between two a caller may change the model."""
        known = group.size == 1 and k == 1 and by_hand.serves(model)
        return known, captured if captured is not None and as_built(model) else compute

    dice = dice_of(run.generator, device)

    def step(images: Tensor) -> Tensor:
        generator = dice()
        n = len(images)
        counts = float(group.rank < n)  # where no image is left for a process, it goes along with one that counts 0
        share = group.share(n) if counts else slice(1)
        x = as_pixels(model, images, generator, check=False)[share]
        noise = [standard_normal((n, model.latent_dim), generator, like=x)[share]]
        if k > 1:
            noise.append(standard_normal((k, n, model.latent_dim), generator, like=x)[:, share])
        known, take = ways(run.epoch)
        return take(known, counts, n / group.size, x, *noise) * counts

    return step
