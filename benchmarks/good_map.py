"""Seconds from nothing to a good map: the course's 2-latent model of the digits, as 08_train trains it.

    python benchmarks/good_map.py [--epochs 60] [--long 240] [--seeds 3]

Good means: a held-out ELBO within 1 nat, in the mean of the seeds, of the best that runs of four times as many epochs
ever reach. Beside it the same number of epochs at a constant learning rate. The clock runs from the start of `train`,
held-out figures after each epoch included; a busy machine makes it slower, not worse.
"""

import argparse
import statistics
import time

import torch
from figures import figure

from vae_lesson.data import load
from vae_lesson.model import VAE
from vae_lesson.train import train

CONSTANT = dict(batch_size=128, learning_rate=2e-3)
COURSE = dict(batch_size=64, learning_rate=5e-3, schedule="one-cycle")


def fit(seed: int, epochs: int, setting: dict) -> tuple[list[float], float]:
    """The held-out ELBO after each epoch, in nats, and the seconds that all of them took."""
    digits = load("digits")
    torch.manual_seed(seed)
    model = VAE(2, mean_image=digits.train.images.mean(0))
    start = time.perf_counter()
    run = train(model, digits.train.images, digits.held_out.images, epochs=epochs, seed=seed, device="cpu",
                progress=False, **setting)
    return run.history.held_elbo, time.perf_counter() - start


def main() -> None:
    """Train and print one line a seed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--long", type=int, default=240, metavar="EPOCHS")
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    print(f"held-out ELBO, nats{'constant rate':>16}{'course':>9}{'seconds':>9}{'long run, best':>16}{'lacks':>8}")
    waits, lacks = [], []
    for seed in range(arguments.seeds):
        constant, _ = fit(seed, arguments.epochs, CONSTANT)
        course, seconds = fit(seed, arguments.epochs, COURSE)
        best = max(fit(seed, arguments.long, COURSE)[0])
        waits.append(seconds)
        lacks.append(best - course[-1])
        print(f"seed {seed:<14}{constant[-1]:16.2f}{course[-1]:9.2f}{seconds:9.1f}{best:16.2f}{lacks[-1]:8.2f}")
    figure("the course's map of the digits, the slowest seed, s", f"{max(waits):.1f}", "at most 30")
    figure("what its ELBO lacks of a long run's, mean of the seeds, nats", f"{statistics.mean(lacks):.2f}", "at most 1")


if __name__ == "__main__":
    main()
