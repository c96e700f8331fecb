"""Shared by all tests. Our package comes before torch: it sets how long OpenMP's idle threads spin."""

import vae_lesson  # noqa: F401, I001
import torch

torch.set_num_threads(1)  # the number of threads may change the last digit, and many tests compare all digits
