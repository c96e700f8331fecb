"""A step on a GPU: order by order, and replayed as one CUDA graph.

    python benchmarks/gpu.py [--rounds 5] [--steps 400]

The same VAE as in train.py. Both in turns; milliseconds an epoch of 60,000 images, the noise drawn on the CPU included.
Without an NVIDIA GPU it says so and ends.
"""

import argparse
import statistics
import time

import torch
from figures import figure
from images import largest
from train import Setting, start

from vae_lesson.distributed import Group
from vae_lesson.step import Step, stepping


def seconds(step: Step, images: torch.Tensor, batch: int, steps: int) -> float:
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
        figure("a step as a CUDA graph beside its orders one by one", "no GPU here", "at least 5")
        return
    images = largest().train.images.cuda()
    print(f"{torch.cuda.get_device_name()}; milliseconds an epoch of 60,000 images")
    print(f"{'batch':>6}{'products':>10}{'eager, min':>12}{'median':>9}{'captured, min':>15}{'median':>9}"
          f"{'ratio of min':>14}")
    for setting in (Setting(128), Setting(128, "medium"), Setting(1024), Setting(1024, "medium")):
        steps = {capture: stepping(start(setting, "cuda"), Group(), capture=capture) for capture in (False, True)}
        spent: dict[bool, list[float]] = {False: [], True: []}
        for number in range(arguments.rounds + 1):
            for capture, step in steps.items():
                time_spent = seconds(step, images, setting.batch, arguments.steps)
                if number:  # the first round warms up and records
                    spent[capture].append(time_spent / arguments.steps / setting.batch * 60_000 * 1e3)
        eager, captured = spent.values()
        print(f"{setting.batch:6}{setting.products:>10}{min(eager):12.0f}{statistics.median(eager):9.0f}"
              f"{min(captured):15.0f}{statistics.median(captured):9.0f}{min(eager) / min(captured):14.1f}")
        if setting == Setting(128):
            ratio = min(eager) / min(captured)
            figure("a step as a CUDA graph beside its orders one by one", f"{ratio:.1f}", "at least 5")


if __name__ == "__main__":
    main()
