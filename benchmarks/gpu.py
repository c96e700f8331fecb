"""A step on a GPU: the loop that everyone copies, the course's order by order, and the same replayed as one CUDA graph.

    python benchmarks/gpu.py [--rounds 5] [--steps 400]

The same VAE as in train.py; its images lie on the GPU, which binarizes them anew at each step. All in turns;
milliseconds that the steps of an epoch of 60,000 images take, without its shuffling and its measures. The usual loop is
float32 throughout. Without an NVIDIA GPU it says so and ends.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from figures import figure
from images import largest
from train import WIDTHS, Copied, Setting, copied_step, start

from vae_lesson.distributed import Group
from vae_lesson.step import stepping

REPLAYED = "a step as a CUDA graph: times as fast as "


def copied(setting: Setting) -> Callable[[torch.Tensor], object]:
    """A step of the loop that everyone copies, with plain Adam, on pixels drawn there."""
    torch.manual_seed(0)
    model = Copied().cuda()
    optimizer = torch.optim.Adam(model.parameters(), lr=setting.learning_rate)
    return lambda images: copied_step(model, optimizer, torch.bernoulli(images).view(-1, WIDTHS[0]))


def seconds(step: Callable[[torch.Tensor], object], images: torch.Tensor, batch: int, steps: int) -> float:
    """Of so many steps, the GPU's work done."""
    torch.cuda.synchronize()
    began = time.perf_counter()
    for number in range(steps):
        first = number * batch % (len(images) - batch)
        step(images[first : first + batch])
    torch.cuda.synchronize()
    return time.perf_counter() - began


def main() -> None:
    """Measure in turns and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=400)
    arguments = parser.parse_args()
    if not torch.cuda.is_available():
        figure(REPLAYED + "the usual loop's", "no GPU here", "at least 5")
        return
    images = largest().train.images.cuda()
    print(f"{torch.cuda.get_device_name()}; milliseconds an epoch of 60,000 images, least and median")
    print(f"{'batch':>6}{'products':>10}{'usual loop':>15}{'order by order':>17}{'replayed':>15}")
    for setting in (Setting(128), Setting(128, "medium"), Setting(1024), Setting(1024, "medium")):
        steps: dict[str, Callable] = {"usual": copied(setting)}
        for name, capture in (("orders", False), ("replayed", True)):
            steps[name] = stepping(start(setting, "cuda"), Group(), capture=capture)
        spent: dict[str, list[float]] = {name: [] for name in steps}
        for number in range(arguments.rounds + 1):
            for name, step in steps.items():
                time_spent = seconds(step, images, setting.batch, arguments.steps)
                if number:  # the first round warms up and records
                    spent[name].append(time_spent / arguments.steps / setting.batch * 60_000 * 1e3)
        usual, orders, replayed = (f"{min(some):.0f} {statistics.median(some):.0f}" for some in spent.values())
        print(f"{setting.batch:6}{setting.products:>10}{usual:>15}{orders:>17}{replayed:>15}", flush=True)
        if setting.precision == "highest":
            least = {name: min(some) for name, some in spent.items()}
            for name, words in (("usual", "the usual loop's"), ("orders", "its orders")):
                ratio = least[name] / least["replayed"]
                figure(f"{REPLAYED}{words}, batch {setting.batch}", f"{ratio:.1f}", "at least 5")


if __name__ == "__main__":
    main()
