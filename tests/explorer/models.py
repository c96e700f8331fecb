"""Small models with strong weights, so that a wrong layer, bias or activation changes the image visibly."""

import torch

from vae_lesson.model import VAE


def strong_vae(latent_dim, hidden=(32,), likelihood="bernoulli", image_shape=(8, 8), **settings):
    """An untrained VAE whose weights are three times the usual; the same at each call."""
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        model = VAE(latent_dim, hidden, likelihood, image_shape=image_shape, **settings)
        for parameter in (*model.encoder.parameters(), *model.decoder.parameters()):
            parameter.mul_(3)
    return model


def noise_images(n, image_shape=(8, 8)):
    """Images of uniform noise; the same at each call."""
    return torch.rand(n, *image_shape, generator=torch.Generator().manual_seed(1))


def decode(model, z):
    """The mean image of p(x|z), straight from the layers: an array of image_shape."""
    with torch.no_grad():
        return model.decoder(torch.tensor(z, dtype=torch.float32)).sigmoid().reshape(model.image_shape).numpy()
