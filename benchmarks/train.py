"""Images a second of a VAE's training: the loop that everyone copies, the course's `train`, and the bare products.

    python benchmarks/train.py [--rounds 12] [--batch 128] [--wide-batch 768] [--budget 30]

The same VAE for all, 784-400-20-400-784 with a Bernoulli likelihood. Each round trains every contestant for an epoch,
in turns, so that a busy machine is busy for all. The shortest and the median round are printed, and the speed beside
the first contestant's: of the two shortest rounds, and the median of the rounds' ratios. `of floor` is the time of the
bare matrix products of the same batch and precision, divided by the contestant's. `loss` is the mean of the last epoch:
speed that costs learning is none. The second table says it in held-out nats: each setting trains for the same time.
bfloat16 is what enters and leaves the layers where the processor has it; elsewhere the two are one.
Data: Fashion-MNIST where it is installed, else the digits. A VAE in JAX takes part where JAX is installed.
"""

import argparse
import importlib.util
import statistics
import time
from collections.abc import Callable
from operator import truediv
from typing import NamedTuple

import numpy as np
import torch
from figures import figure
from images import largest
from PIL import Image
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset, TensorDataset

from vae_lesson.data import Split
from vae_lesson.evaluate import evaluate
from vae_lesson.model import VAE
from vae_lesson.run import Run
from vae_lesson.step import multiplies_bfloat16, products
from vae_lesson.threads import PAUSE
from vae_lesson.train import train

WIDTHS = (784, 400, 20)


class Setting(NamedTuple):
    """What a contestant is told: torch's name for the precision of matrix products among it."""

    batch: int
    precision: str = "highest"
    learning_rate: float = 1e-3

    @property
    def products(self) -> str:
        """Their type in words."""
        return "bfloat16" if self.precision == "medium" else "float32"


class Pictures(Dataset):
    """Images as torchvision hands them out: 8-bit, and when asked for, a PIL image and by ToTensor a tensor."""

    def __init__(self, images: torch.Tensor):
        self.images = (images * 255).round().to(torch.uint8).numpy()

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[torch.Tensor]:
        picture = Image.fromarray(self.images[index])
        pixels = torch.from_numpy(np.array(picture, copy=True))
        return (pixels[:, :, None].permute(2, 0, 1).contiguous().to(torch.float32).div(255),)


class Copied(nn.Module):
    """The VAE of the loop that everyone copies: two heads, and a sigmoid whose output goes into a cross-entropy."""

    def __init__(self):
        super().__init__()
        pixels, hidden, latents = WIDTHS
        self.inner = nn.Linear(pixels, hidden)
        self.mu, self.log_var = nn.Linear(hidden, latents), nn.Linear(hidden, latents)
        self.outer, self.out = nn.Linear(latents, hidden), nn.Linear(hidden, pixels)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        hidden = F.relu(self.inner(x))
        mu, log_var = self.mu(hidden), self.log_var(hidden)
        z = mu + torch.randn_like(mu) * torch.exp(0.5 * log_var)
        return torch.sigmoid(self.out(F.relu(self.outer(z)))), mu, log_var


def copied_step(model: Copied, optimizer: torch.optim.Optimizer, x: torch.Tensor) -> torch.Tensor:
    """A step of the loop that everyone copies, on pixels (batch, pixels): autograd, and the loss summed over them."""
    optimizer.zero_grad()
    mean, mu, log_var = model(x)
    loss = F.binary_cross_entropy(mean, x, reduction="sum")
    loss = loss - 0.5 * torch.sum(1 + log_var - mu.pow(2) - log_var.exp())
    (loss / len(x)).backward()
    optimizer.step()
    return loss


def copied_loop(pictures: Dataset, setting: Setting) -> Callable[[], float]:
    """An epoch a call: a DataLoader that gathers image by image, plain Adam; the mean loss in nats an image."""
    torch.manual_seed(0)
    model = Copied()
    optimizer = torch.optim.Adam(model.parameters(), lr=setting.learning_rate)
    loader = DataLoader(pictures, batch_size=setting.batch, shuffle=True)

    def epoch() -> float:
        total = 0.0
        for batch in loader:
            total += copied_step(model, optimizer, batch[0].view(-1, WIDTHS[0])).item()
        return total / len(pictures)

    return epoch


def start(setting: Setting, device: str = "cpu") -> Run:
    """A run of the course's `train`, before its first epoch."""
    torch.manual_seed(0)
    model = VAE(WIDTHS[2], hidden=WIDTHS[1:2])
    batch, precision, learning_rate = setting
    return Run.start(model, batch_size=batch, learning_rate=learning_rate, beta=1.0, precision=precision, seed=0,
                     device=device)


def course(images: torch.Tensor, setting: Setting) -> Callable[[], float]:
    """An epoch of the course's `train` a call."""
    run = start(setting)

    def epoch() -> float:
        train(run, images, epochs=run.epoch + 1, progress=False)
        return -run.history.train_elbo[-1]

    return epoch


def held_out_elbo(split: Split, setting: Setting, seconds: float) -> tuple[int, float]:
    """Epochs done in so many seconds, and the held-out ELBO in nats that they led to."""
    end = time.perf_counter() + seconds

    def stop(_: Run) -> None:
        if time.perf_counter() > end:
            raise KeyboardInterrupt  # as a reader does who has waited long enough

    run = train(start(setting), split.train.images, epochs=1_000_000, on_epoch=stop, progress=False)
    return run.epoch, evaluate(run.model, split.held_out.images).elbo


def bare_products(images: torch.Tensor, setting: Setting) -> Callable[[], float]:
    """The matrix products of an epoch and nothing else: each layer forward, its two gradients backward."""
    kind = torch.bfloat16 if setting.precision == "medium" and multiplies_bfloat16() else torch.float32
    pixels, hidden, latents = WIDTHS
    layers, batch = [(pixels, hidden), (hidden, 2 * latents), (latents, hidden), (hidden, pixels)], setting.batch
    shapes = [((batch, n), (n, m), (batch, m)) for n, m in layers]
    operands = [[torch.randn(shape).to(kind) for shape in three] for three in shapes]

    def epoch() -> float:
        with products(setting.precision, torch.device("cpu")):
            for _ in range(0, len(images), batch):
                for number, (x, weight, gradient) in enumerate(operands):
                    x @ weight
                    x.T @ gradient
                    if number:  # nothing asks for the gradient of the pixels
                        gradient @ weight.T
        return float("nan")

    return epoch


def main() -> None:
    """Train in turns and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--wide-batch", type=int, default=768)
    parser.add_argument("--budget", type=float, default=30, metavar="SECONDS", help="of the second table; 0: none")
    arguments = parser.parse_args()
    split, narrow, wide = largest(), arguments.batch, arguments.wide_batch
    images, tensors = split.train.images, TensorDataset(split.train.images)
    settings = [Setting(narrow), Setting(narrow, "medium")]
    settings += [Setting(wide, "highest", 3e-3), Setting(wide, "medium", 3e-3)]
    contestants = {
        ("the loop that everyone copies", settings[0]): copied_loop(Pictures(images), settings[0]),
        ("the same, images made tensors before", settings[0]): copied_loop(tensors, settings[0]),
    }
    if importlib.util.find_spec("jax"):
        from jax_loop import jax_loop

        for setting in (settings[0], settings[2]):
            compiled = jax_loop(start(setting).model, images, setting.batch, setting.learning_rate)
            compiled()  # compiles
            contestants["JAX, an epoch compiled as one", setting] = compiled
    for setting in settings:
        contestants["train", setting] = course(images, setting)
        contestants["bare products", setting] = bare_products(images, setting)
    spent: dict[tuple[str, Setting], list[float]] = {name: [] for name in contestants}
    losses = {}
    for _ in range(arguments.rounds):
        for contestant, epoch in contestants.items():
            began = time.perf_counter()
            losses[contestant] = epoch()
            seconds = time.perf_counter() - began
            if contestant[0] == "train":
                seconds -= PAUSE  # at the start of a run it watches the machine: no part of an epoch
            spent[contestant].append(seconds / len(images) * 1e6)
    first = next(iter(spent.values()))
    print(f"{split.name}, {len(images)} images, {torch.get_num_threads()} threads; microseconds an image")
    print(f"{'':37}{'batch':>6}{'products':>10}{'min':>7}{'median':>8}{'ratio of min':>14}{'median':>8}"
          f"{'of floor':>10}{'loss':>9}")
    beside = {
        contestant: (min(first) / min(times), statistics.median(map(truediv, first, times)))
        for contestant, times in spent.items()
    }
    for (name, setting), times in spent.items():
        best, median = beside[name, setting]
        floor = min(spent["bare products", setting]) / min(times)
        print(f"{name:37}{setting.batch:6}{setting.products:>10}{min(times):7.1f}{statistics.median(times):8.1f}"
              f"{best:14.2f}{median:8.2f}{floor:10.0%}{losses[name, setting]:9.2f}")
    print()
    goals = ["at least 2.5", "at least 2.5", "", "at least 5"]
    for setting, goal in zip(settings, goals, strict=True):
        best, median = beside["train", setting]
        what = f"speed beside the usual loop's, batch {setting.batch}, {setting.products}: best, median"
        figure(what, f"{best:.2f}, {median:.2f}", goal)
    if arguments.budget:
        print(f"\nafter {arguments.budget:g} seconds{'':20}{'batch':>6}{'products':>10}{'epochs':>8}"
              f"{'held-out ELBO, nats':>22}")
        elbos = []
        for setting in settings:
            epochs, elbo = held_out_elbo(split, setting, arguments.budget)
            print(f"{'train':37}{setting.batch:6}{setting.products:>10}{epochs:8}{elbo:22.2f}")
            elbos.append(elbo)
        print()
        lost = max(elbos[0], elbos[2]) - elbos[3]
        figure(f"ELBO lost by batch {wide} and bfloat16 in the same time, nats", f"{lost:.2f}", "at most 0.5")


if __name__ == "__main__":
    main()
