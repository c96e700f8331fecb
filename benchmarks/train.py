"""Images a second of a VAE's training: the loop that everyone copies, the course's `train`, and the bare products.

    python benchmarks/train.py [--rounds 5] [--batch 128] [--wide-batch 512] [--budget 30]

The same VAE for all, 784-400-20-400-784 with a Bernoulli likelihood. Each round trains every contestant for two epochs,
in turns, so that a busy machine is busy for all; the shortest and the median round are printed. `of floor` is the time
of the bare matrix products of the same batch, divided by the contestant's. `loss` is the mean of the last epoch: speed
that costs learning is none. The second table says it in held-out nats: each setting trains for the same time.
Data: Fashion-MNIST where it is installed, else the digits.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from images import largest
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from vae_lesson.data import Split
from vae_lesson.evaluate import evaluate
from vae_lesson.model import VAE
from vae_lesson.run import Run
from vae_lesson.train import train

WIDTHS = (784, 400, 20)
EPOCHS = 2  # of each contestant in a round


class Pictures(Dataset):
    """Images as tutorials keep them: 8-bit arrays, each turned into a tensor when it is asked for."""

    def __init__(self, images: torch.Tensor):
        self.images = (images * 255).round().to(torch.uint8).numpy()

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> torch.Tensor:
        return torch.from_numpy(self.images[index][np.newaxis].astype(np.float32)) / 255


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


def copied_loop(images: torch.Tensor, batch: int) -> Callable[[], float]:
    """Two epochs a call: a DataLoader that converts image by image, plain Adam; the mean loss in nats an image."""
    torch.manual_seed(0)
    model = Copied()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    loader = DataLoader(Pictures(images), batch_size=batch, shuffle=True)

    def epoch() -> float:
        total = 0.0
        for pictures in loader:
            x = pictures.view(-1, WIDTHS[0])
            optimizer.zero_grad()
            mean, mu, log_var = model(x)
            loss = F.binary_cross_entropy(mean, x, reduction="sum")
            loss = loss - 0.5 * torch.sum(1 + log_var - mu.pow(2) - log_var.exp())
            (loss / len(x)).backward()
            optimizer.step()
            total += loss.item()
        return total / len(images)

    return lambda: [epoch() for _ in range(EPOCHS)][-1]


def start(batch: int, learning_rate: float) -> Run:
    """A run of the course's `train`, before its first epoch."""
    torch.manual_seed(0)
    model = VAE(WIDTHS[2], hidden=WIDTHS[1:2])
    return Run.start(model, batch_size=batch, learning_rate=learning_rate, beta=1.0, seed=0, device="cpu")


def course(images: torch.Tensor, batch: int, learning_rate: float) -> Callable[[], float]:
    """Two epochs of the course's `train` a call: it watches the machine for 0.1 s at each start, see threads.py."""
    run = start(batch, learning_rate)

    def work() -> float:
        train(run, images, epochs=run.epoch + EPOCHS, progress=False)
        return -run.history.train_elbo[-1]

    return work


def held_out_elbo(split: Split, batch: int, learning_rate: float, seconds: float) -> tuple[int, float]:
    """Epochs done in so many seconds, and the held-out ELBO in nats that they led to."""
    run, end = start(batch, learning_rate), time.perf_counter() + seconds
    while time.perf_counter() < end:
        train(run, split.train.images, epochs=run.epoch + 1, progress=False)
    return run.epoch, evaluate(run.model, split.held_out.images).elbo


def bare_products(images: torch.Tensor, batch: int) -> Callable[[], float]:
    """The matrix products of two epochs and nothing else: each layer forward, its two gradients backward."""
    pixels, hidden, latents = WIDTHS
    layers = [(pixels, hidden), (hidden, 2 * latents), (latents, hidden), (hidden, pixels)]
    operands = [(torch.randn(batch, n), torch.randn(n, m), torch.randn(batch, m)) for n, m in layers]

    def work() -> float:
        for _ in range(0, EPOCHS * len(images), batch):
            for number, (x, weight, gradient) in enumerate(operands):
                x @ weight
                x.T @ gradient
                if number:  # nothing asks for the gradient of the pixels
                    gradient @ weight.T
        return float("nan")

    return work


def main() -> None:
    """Train in turns and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--wide-batch", type=int, default=512)
    parser.add_argument("--budget", type=float, default=30, metavar="SECONDS", help="of the second table; 0: none")
    arguments = parser.parse_args()
    split, settings = largest(), {arguments.batch: 1e-3, arguments.wide_batch: 2e-3}
    images = split.train.images
    contestants = {("the loop that everyone copies", arguments.batch): copied_loop(images, arguments.batch)}
    for batch, learning_rate in settings.items():
        contestants["train", batch] = course(images, batch, learning_rate)
        contestants["bare products", batch] = bare_products(images, batch)
    spent: dict[tuple[str, int], list[float]] = {name: [] for name in contestants}
    losses = {}
    for _ in range(arguments.rounds):
        for contestant, work in contestants.items():
            began = time.perf_counter()
            losses[contestant] = work()
            spent[contestant].append((time.perf_counter() - began) / EPOCHS / len(images) * 1e6)
    first = next(iter(spent.values()))
    print(f"{split.name}, {len(images)} images, {torch.get_num_threads()} threads; microseconds an image")
    print(f"{'':31}{'batch':>6}{'min':>8}{'median':>8}{'ratio of min':>14}{'of medians':>12}{'of floor':>10}"
          f"{'loss':>9}")
    for (name, batch), times in spent.items():
        ratios = (min(first) / min(times), statistics.median(first) / statistics.median(times))
        floor = min(spent["bare products", batch]) / min(times)
        print(f"{name:31}{batch:6}{min(times):8.1f}{statistics.median(times):8.1f}{ratios[0]:14.2f}{ratios[1]:12.2f}"
              f"{floor:10.0%}{losses[name, batch]:9.2f}")
    if arguments.budget:
        print(f"\nafter {arguments.budget:g} seconds{'':14}{'batch':>6}{'epochs':>8}{'held-out ELBO, nats':>22}")
        for batch, learning_rate in settings.items():
            epochs, elbo = held_out_elbo(split, batch, learning_rate, arguments.budget)
            print(f"{'train':31}{batch:6}{epochs:8}{elbo:22.2f}")


if __name__ == "__main__":
    main()
