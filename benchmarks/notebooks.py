"""How long the reader waits: for imports, for each lesson's first cell, and for its slowest.

    python benchmarks/notebooks.py [NOTEBOOK ...]

Imports are timed in fresh processes, in turns, the shortest and the median of five. The notebooks run one after the
other, without their outputs being compared; a cell that takes more than 20 seconds is named. At last nbval compares
the whole course, as `make test` does.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import nbformat
from figures import figure
from nbclient import NotebookClient

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"
IMPORTS = ("pass", "import vae_lesson", "import torch", "import vae_lesson.symbolic")
SLOW = 20.0  # seconds
NBVAL = "-q --nbval --nbval-current-env --nbval-cell-timeout=900 -n 2 --dist loadscope".split()


def time_imports(rounds: int = 5) -> dict[str, float]:
    """Print a line for each import; the shortest time of each, in seconds."""
    spent: dict[str, list[float]] = {code: [] for code in IMPORTS}
    for _ in range(rounds):
        for code, times in spent.items():
            start = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], check=True)
            times.append(time.perf_counter() - start)
    print(f"{'seconds':32}{'min':>8}{'median':>8}")
    for code, times in spent.items():
        name = "python alone" if code == "pass" else code
        print(f"{name:32}{min(times):8.2f}{statistics.median(times):8.2f}")
    return {code: min(times) for code, times in spent.items()}


def cell_seconds(path: Path) -> list[float]:
    """Seconds of each code cell."""
    notebook = nbformat.read(path, as_version=4)
    seconds, start = [], 0.0

    def begin(**_: object) -> None:
        nonlocal start
        start = time.perf_counter()

    def end(**_: object) -> None:
        seconds.append(time.perf_counter() - start)

    where, quiet = {"metadata": {"path": str(path.parent)}}, ["--log-level=ERROR"]
    client = NotebookClient(notebook, timeout=900, resources=where, extra_arguments=quiet)
    client.on_cell_execute, client.on_cell_executed = begin, end
    client.execute()
    return seconds


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebooks", nargs="*", type=Path, default=sorted(NOTEBOOKS.glob("*.ipynb")))
    imports = time_imports()
    print(f"\n{'seconds':32}{'in all':>8}{'first':>8}{'slowest':>9}")
    total, first, slow = 0.0, 0.0, []
    for path in parser.parse_args().notebooks:
        seconds = cell_seconds(path)
        total, first = total + sum(seconds), max(first, seconds[0])
        slow += [(path.name, number, s) for number, s in enumerate(seconds, 1) if s > SLOW]
        print(f"{path.name:32}{sum(seconds):8.1f}{seconds[0]:8.1f}{max(seconds):9.1f}", flush=True)
    print(f"{'all':32}{total:8.1f}")
    for name, number, seconds in slow:
        print(f"slow: code cell {number} of {name}, {seconds:.0f} s")
    print()
    figure("import vae_lesson, beside python alone, s", f"{imports['import vae_lesson'] - imports['pass']:.2f}",
           "at most 0.1")
    figure("a lesson's first cell beside import torch, the slowest, s", f"{first - imports['import torch']:.2f}",
           "at most 1")
    start = time.perf_counter()
    command = [sys.executable, "-m", "pytest", *NBVAL, NOTEBOOKS]
    done = subprocess.run(command, env=os.environ | {"OMP_NUM_THREADS": "1"})
    found = f"{time.perf_counter() - start:.0f}" + (" (failed)" if done.returncode else "")
    figure("nbval, the whole course, s", found, "at most 300")


if __name__ == "__main__":
    main()
