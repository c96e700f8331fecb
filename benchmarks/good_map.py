"""Seconds from nothing to a good map: the course's 2-latent model of the digits, as 08_train trains it.

    python benchmarks/good_map.py [--long 240] [--seeds 3]

Good means: a held-out ELBO within 1 nat of the best that a long run with the same seed ever reaches. The clock runs
from the start of `train`, held-out figures after each epoch included; a busy machine makes it slower, not worse.
"""

import argparse
import time

import torch
from figures import figure

from vae_lesson.data import load
from vae_lesson.model import VAE
from vae_lesson.train import train


def main() -> None:
    """Train and print one line a seed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--long", type=int, default=240, metavar="EPOCHS")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--batch", type=int, default=128)
    arguments = parser.parse_args()
    digits = load("digits")
    waits = []
    print(f"{'seed':>4}{'best ELBO, nats':>18}{'at epoch':>10}{'within 1 nat at':>17}{'seconds':>9}")
    for seed in range(arguments.seeds):
        torch.manual_seed(seed)
        model = VAE(2, mean_image=digits.train.images.mean(0))
        clock = []
        start = time.perf_counter()
        run = train(
            model, digits.train.images, digits.held_out.images, epochs=arguments.long, seed=seed, device="cpu",
            learning_rate=arguments.learning_rate, batch_size=arguments.batch, progress=False,
            on_epoch=lambda run, clock=clock: clock.append(time.perf_counter()),
        )
        held = run.history.held_elbo
        best = max(held)
        good = next(epoch for epoch, value in enumerate(held) if value >= best - 1)
        print(f"{seed:4}{best:18.2f}{held.index(best) + 1:10}{good + 1:17}{clock[good] - start:9.1f}")
        waits.append(clock[good] - start)
    figure("to a map within 1 nat of a long run's, the slowest seed, s", f"{max(waits):.1f}", "at most 30")


if __name__ == "__main__":
    main()
