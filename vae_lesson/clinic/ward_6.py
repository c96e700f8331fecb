"""Ward 6: cross-entropy of grey pixels is read as their log-likelihood."""

import torch.nn.functional as F


def pixels(images):
    return images


def log_likelihood(logits, x):
    return -F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(-1)
