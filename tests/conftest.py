"""Shared by all tests. Our package comes before torch: it sets how long OpenMP's idle threads spin."""

import vae_lesson  # noqa: F401
