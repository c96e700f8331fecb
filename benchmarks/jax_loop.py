"""The VAE of train.py in JAX, a whole epoch compiled as one: a contestant where JAX is installed (pip install jax)."""

from collections.abc import Callable

import jax
import torch
from jax import lax, nn, random
from jax import numpy as jnp

from vae_lesson.model import VAE


def jax_loop(model: VAE, images: torch.Tensor, batch: int, learning_rate: float) -> Callable[[], float]:
    """An epoch a call, with Adam, from the model's parameters on; the mean loss in nats an image."""
    pixels = jnp.asarray(images.flatten(1).numpy())
    parameters = [jnp.asarray(p.detach().numpy()) for p in model.parameters()]  # weight and bias of four layers
    moments = [[jnp.zeros_like(p) for p in parameters] for _ in range(2)]

    def loss(parameters: list, x: jax.Array, key: jax.Array) -> jax.Array:
        def layer(number: int, value: jax.Array) -> jax.Array:
            return value @ parameters[2 * number].T + parameters[2 * number + 1]

        mu, log_var = jnp.split(layer(1, nn.relu(layer(0, x))), 2, axis=-1)
        z = mu + jnp.exp(0.5 * log_var) * random.normal(key, mu.shape)
        logits = layer(3, nn.relu(layer(2, z)))
        distortion = jnp.sum(nn.softplus(logits) - x * logits)
        rate = 0.5 * jnp.sum(mu**2 + jnp.exp(log_var) - 1 - log_var)
        return (distortion + rate) / len(x)

    def step(state: tuple, given: tuple) -> tuple:
        parameters, (first, second), number = state
        indices, key = given
        pixel_key, key = random.split(key)
        x = (random.uniform(pixel_key, (len(indices), pixels.shape[1])) < pixels[indices]).astype(jnp.float32)
        value, gradients = jax.value_and_grad(loss)(parameters, x, key)
        number += 1
        first = [0.9 * m + 0.1 * g for m, g in zip(first, gradients, strict=True)]
        second = [0.999 * v + 0.001 * g**2 for v, g in zip(second, gradients, strict=True)]
        scale = learning_rate * jnp.sqrt(1 - 0.999**number) / (1 - 0.9**number)
        small = 1e-8 * jnp.sqrt(1 - 0.999**number)
        parameters = [
            p - scale * m / (jnp.sqrt(v) + small) for p, m, v in zip(parameters, first, second, strict=True)
        ]
        return (parameters, [first, second], number), value

    @jax.jit
    def epoch(state: tuple, key: jax.Array) -> tuple:
        order_key, key = random.split(key)
        steps = len(pixels) // batch  # the last, smaller batch is left out
        order = random.permutation(order_key, len(pixels))[: steps * batch].reshape(steps, batch)
        state, losses = lax.scan(step, state, (order, random.split(key, steps)))
        return state, losses.mean()

    state, key = (parameters, moments, 0.0), random.key(0)

    def work() -> float:
        nonlocal state, key
        key, now = random.split(key)
        state, value = epoch(state, now)
        return float(value)

    return work
