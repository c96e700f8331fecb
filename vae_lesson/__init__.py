"""The code behind the course on the variational autoencoder: see notebooks/ and README.md.

Importing the package is cheap: it takes no torch.
"""

import logging
import os

__version__ = "0.1.0"

# Between two small matrix products OpenMP's idle threads spin, by default for milliseconds. That serves an idle
# machine, but when another program wants the cores, small nets run many times slower. Spinning a tenth of that
# keeps the first and avoids most of the second. OpenMP reads this when torch is loaded, so it is set here, and
# `lab` hands it on to kernels.
os.environ.setdefault("GOMP_SPINCOUNT", "30000")  # GNU's OpenMP: PyPI's torch on Linux
os.environ.setdefault("KMP_BLOCKTIME", "1")  # LLVM's and Intel's (milliseconds): conda-forge, macOS, Windows

# Matplotlib warns where the home folder can't be written, and when its first import takes long. It then helps itself:
# a page, and the test that compares it, has no use for that.
logging.getLogger("matplotlib").setLevel(logging.ERROR)
