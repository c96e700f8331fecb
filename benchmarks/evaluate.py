"""log p(x) by importance sampling, 5,000 samples an image: its time beside that of the bare matrix products.

    python benchmarks/evaluate.py [--images 32] [--samples 5000] [--rounds 5]

The decoder 20-400-784, Bernoulli. Both in turns; the shortest and the median round, and the memory that the
estimate adds at its peak for so many images and for four times as many.
"""

import argparse
import resource
import statistics
import time

import torch
from figures import figure
from images import largest

from vae_lesson.data import binarize
from vae_lesson.evidence import importance_sampled
from vae_lesson.model import VAE


def bare_products(x: torch.Tensor, samples: int) -> None:
    """The products of decoding `samples` latents an image, 1,000 at a time."""
    z, inner, outer = torch.randn(1000, 20), torch.randn(20, 400), torch.randn(400, 784)
    for _ in range(len(x) * samples // len(z)):
        z @ inner @ outer


def main() -> None:
    """Measure in turns and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=32)
    parser.add_argument("--samples", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    torch.manual_seed(0)
    model = VAE(20, hidden=(400,))
    x = binarize(largest().held_out.images[: 4 * arguments.images])
    few = x[: arguments.images]
    contestants = {
        "importance_sampled": lambda: importance_sampled(model, few, samples=arguments.samples),
        "bare products": lambda: bare_products(few, arguments.samples),
    }
    spent: dict[str, list[float]] = {name: [] for name in contestants}
    with torch.no_grad():
        for _ in range(arguments.rounds):
            for name, work in contestants.items():
                start = time.perf_counter()
                work()
                spent[name].append((time.perf_counter() - start) / len(few) / arguments.samples * 1e6)
    print(f"microseconds a sample{'':19}{'min':>8}{'median':>8}")
    for name, times in spent.items():
        print(f"{name:40}{min(times):8.2f}{statistics.median(times):8.2f}")
    ours, bare = spent.values()
    print(f"{'ratio':40}{min(ours) / min(bare):8.2f}{statistics.median(ours) / statistics.median(bare):8.2f}")
    figure("log p(x), a sample's time beside its bare products'", f"{min(ours) / min(bare):.2f}", "at most 1.5")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    importance_sampled(model, x, samples=arguments.samples)
    more = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak
    print(f"{len(few)} images peak at {peak / 1024:.0f} MiB in all; {len(x)} images add {more / 1024:.0f} MiB")
    figure("log p(x), memory that four times the images add, MiB", f"{more / 1024:.0f}", "about none")


if __name__ == "__main__":
    main()
