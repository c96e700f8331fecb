"""Every benchmark, one after another, and at the end their figures in one table.

    python benchmarks/all.py

It takes about half an hour. Let nothing else run meanwhile: a busy machine is slower, and its ratios are not right.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from figures import FILE, show

BENCHMARKS = ("train", "evaluate", "good_map", "gpu", "latency", "notebooks")


def main() -> int:
    """Run them and print the table; 1 if one failed."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    failed = []
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "figures")
        file.touch()
        for name in BENCHMARKS:
            print(f"\n--- {name}", flush=True)
            program = Path(__file__).with_name(f"{name}.py")
            if subprocess.run([sys.executable, program], env=os.environ | {FILE: str(file)}).returncode:
                failed.append(name)
        print("\n--- all")
        show("", "found", "wanted")
        for line in file.read_text(encoding="utf-8").splitlines():
            show(*json.loads(line))
    if failed:
        print("failed: " + ", ".join(failed))
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
