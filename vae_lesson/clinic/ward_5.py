"""Ward 5: the sampler reads log_var as sigma."""

import torch


def draw(mu, log_var):
    return mu + log_var * torch.randn_like(mu)
