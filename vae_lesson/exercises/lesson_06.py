"""The exercises of lesson 06: likelihoods as losses, reductions and the β that they hide."""

from math import log, pi

import numpy as np
import sympy

from vae_lesson.exercises.exercise import Exercise, same_expression, same_function, same_number

four_pixels = Exercise(
    name="6.1",
    solution=4 * log(2) + log(4 / 3),
    equal=same_number(1e-3),
    mistakes=[
        (-(4 * log(2) + log(4 / 3)), "that is the log-probability; the distortion is minus that"),
        ((4 * log(2) + log(4 / 3)) / 4, "a mean over the pixels: an image's log-probability is a sum"),
        (4 * log(2) + log(4), "a white pixel has the probability 1 - g: the third gives log(4/3), not log 4"),
        (log(2) + log(4), "that is the black pixels only; a white one has the probability 1 - g"),
        (log(2) + log(4 / 3) + log(4) + log(4 / 3), "look again at which pixel goes with which g"),
        ((4 * log(2) + log(4 / 3)) / log(2), "that is in bits, by the logarithm to the base 2; here all is in nats"),
    ],
    hints=[
        "a black pixel gives -log g, a white one -log(1 - g); add the four",
        "-log(1/2) - log(1/4) - log(3/4) - log(1/2)",
    ],
    because="log 2 + log 4 + log(4/3) + log 2 = 3.0603.",
    shown="np.log(2) + np.log(4) + np.log(4 / 3) + np.log(2)",
)


def _images(seed: int) -> tuple[np.ndarray, np.ndarray, float]:
    x, g = np.random.default_rng(seed).uniform(size=(2, 3, 5))
    return x, g, -0.7 - 0.2 * seed


gaussian_distortion = Exercise(
    name="6.2",
    solution=lambda x, g, t: ((x - g) ** 2 / (2 * np.exp(2 * t)) + 0.5 * np.log(2 * np.pi) + t).sum(-1),
    equal=same_function(_images(0), _images(1)),
    mistakes=[
        (lambda x, g, t: ((x - g) ** 2 / (2 * np.exp(2 * t)) + 0.5 * log(2 * pi) + t).mean(-1),
         "a mean over the pixels: an image's log-density is a sum"),
        (lambda x, g, t: -((x - g) ** 2 / (2 * np.exp(2 * t)) + 0.5 * log(2 * pi) + t).sum(-1),
         "turn the sign: this is the log-likelihood"),
        (lambda x, g, t: ((x - g) ** 2 / np.exp(2 * t) + 0.5 * log(2 * pi) + t).sum(-1),
         "the 1/2 of the squared error is missing"),
        (lambda x, g, t: ((x - g) ** 2 / (2 * np.exp(t)) + 0.5 * log(2 * pi) + 0.5 * t).sum(-1),
         "log_s is log s and not log s^2: the variance is exp(2 log_s)"),
        (lambda x, g, t: ((x - g) ** 2 / (2 * np.exp(t)) + 0.5 * log(2 * pi) + t).sum(-1),
         "below the squared error stands the variance, s^2 = exp(2 log_s)"),
        (lambda x, g, t: ((x - g) ** 2 / (2 * np.exp(2 * t)) + 0.5 * log(2 * pi) + 0.5 * t).sum(-1),
         "half the log of s^2 is log s: without a 1/2 before it"),
        (lambda x, g, t: ((x - g) ** 2 / (2 * np.exp(2 * t)) + t).sum(-1), "1/2 log(2 pi) is missing, for each pixel"),
        (lambda x, g, t: ((x - g) ** 2 / (2 * np.exp(2 * t))).sum(-1), "the constant, 1/2 log(2 pi s^2), is missing"),
        (lambda x, g, t: ((x - g) ** 2 / (2 * np.exp(2 * t))).sum(-1) + 0.5 * log(2 * pi) + t,
         "the constant belongs to each pixel: inside the sum"),
        (lambda x, g, t: (np.abs(x - g) / (2 * np.exp(2 * t)) + 0.5 * log(2 * pi) + t).sum(-1),
         "the miss is to be squared"),
    ],
    hints=[
        "a pixel costs (x - g)^2 / (2 s^2) + 1/2 log(2 pi s^2), with s = np.exp(log_s)",
        "1/2 log(2 pi s^2) is 0.5 * np.log(2 * np.pi) + log_s; sum over the last axis",
    ],
    because="a sum over the pixels, constant and all: what Independent(Normal(g, s), 1) gives, with its sign turned.",
    shown="lambda x, g, t: ((x - g) ** 2 / (2 * np.exp(2 * t)) + 0.5 * np.log(2 * np.pi) + t).sum(-1)",
)

hidden_beta = Exercise(
    name="6.3",
    solution=1_920_000,
    equal=same_number(0.5),
    mistakes=[
        (38_400, "the rate is summed over the 50 images, and F.mse_loss averages over them too"),
        (153_600, "seen from s = 0.2, the bound's distortion is the squared error over 2 s^2 = 0.08"),
        (76_800, "that is β for s = 1; for s = 0.2 the bound's distortion is the squared error over 2 s^2 = 0.08"),
        (3_840_000, "below the squared error stands *twice* the variance"),
        (384_000, "0.2 is the standard deviation; the variance is 0.04"),
        (640_000, "an image has 3 x 32 x 32 = 3,072 numbers: three colours"),
        (12_288, "the other way round: a small s makes an error dear, and this loss charges little for it"),
        (1 / 1_920_000, "the other way round: β is the weight of the rate when the distortion has the weight 1"),
        (30_000, "the rate is summed over the latents, as it should be: no 64"),
        (122_880_000, "the rate is summed over the latents, as it should be: no 64"),
    ],
    hints=[
        "compare with the bound's mean over images: by how much is its distortion multiplied, by how much its rate?",
        "the rate 50-fold; the distortion, squares / (2 * 0.04), has become squares / 3072",
    ],
    because="50 for the rate, 0.08/3072 for the distortion: β = 50 · 3072/0.08 = 1,920,000.",
    shown="50 * 3 * 32 * 32 / (2 * 0.2**2)",
)

_lam = sympy.Symbol("lam", positive=True)
weight_as_variance = Exercise(
    name="6.4",
    solution=1 / (2 * _lam),
    equal=same_expression,
    mistakes=[
        (1 / _lam, "the ½ of the Gaussian's exponent: the weight on the squared error is 1/(2 s^2)"),
        (2 * _lam, "the other way round: a large weight means a small variance"),
        (_lam / 2, "the other way round: a large weight means a small variance"),
        (_lam, "the other way round, and the ½ of the Gaussian's exponent is missing"),
        (sympy.sqrt(1 / (2 * _lam)), "that is the standard deviation"),
        (2 / _lam, "the weight on the squared error is 1/(2 s^2): solve for s^2"),
        (1 / (2 * _lam) ** 2, "that is the variance squared: the weight holds s^2, not s"),
    ],
    hints=["the bound has (x - g)^2 / (2 s^2): set 1/(2 s^2) equal to lam", "s^2 = 1/(2 lam)"],
    because="lam = 1/(2 s^2): with lam = 1 the variance is ½, with lam = ½ it is 1, and with lam = 1/784 it is 392.",
    shown="1 / (2 * lam)",
)

break_even = Exercise(
    name="6.5",
    solution=1.5,
    equal=same_number(1e-6),
    mistakes=[
        (2 / 3, "the other way round: how many nats of distortion go for one nat of rate?"),
        (-1.5, "the slope is negative, the price is positive: minus the slope"),
        (1, "at β = 1 the first costs 123 and the second 120"),
        (9, "that is the difference in distortion; the second also pays 6 nats of rate more"),
        (6, "that is the difference in rate; what does the second save for it?"),
        (111 / 12, "compare the two runs: the difference in distortion for the difference in rate"),
        (102 / 18, "compare the two runs: the difference in distortion for the difference in rate"),
    ],
    hints=["at which β is 111 + 12 β = 102 + 18 β?", "9 nats of distortion for 6 nats of rate"],
    because="111 + 12 β < 102 + 18 β for β > 9/6: between the two runs the curve falls by 1.5 nats a nat.",
)
