"""The exercises of lesson 11, the bug clinic: for each of the eight wards a diagnosis and a cure.

A diagnosis is a letter of the list of suspects. A cure is a line of code, judged by what an experiment with it gives.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.distributions import Bernoulli, ContinuousBernoulli, Independent, Normal, kl_divergence

from vae_lesson.exercises.exercise import Exercise, same_function
from vae_lesson.linear_gaussian import LinearGaussian

SUSPECTS = {
    "A": "cross-entropy of grey pixels, read as a log-likelihood",
    "B": "a draw of z that is cut off from the gradient",
    "C": "gradients that are not cleared between two steps",
    "D": "the KL with its sign turned",
    "E": "the weights of the K-sample bound upside down",
    "F": "a learning rate that is far too large",
    "G": "log_var read as sigma",
    "H": "a mean in one term of the loss, a sum in the other",
    "I": "test images among the training images",
    "J": "too few latents",
}
WOULD_SHOW = {  # what speaks against a suspect where nothing else is said
    "A": "no: either this program's pixels are black or white, or there is no cross-entropy in it",
    "B": "no: then the encoder would hear of the rate alone, and the rate would fall to 0",
    "C": "no: then the loss would get worse again after the first steps, as old gradients pile up",
    "D": "no: then the rate would earn instead of cost: loss below zero, rate without end",
    "E": "no: nothing here is averaged over K samples with weights",
    "F": "no: with a tenth of it the same happens, only later",
    "G": "no: then the program would claim a better ELBO than is measured",
    "H": "no: then one of the terms would hardly count, and the rate would be 0 or far too large",
    "I": "no: that makes a number too good; it spoils no picture and no training",
    "J": "no: too few would blur the copies of the digits, and claim no more than is true",
}


def same_letter(answer: Any, other: str) -> bool:
    """A judge of diagnoses: a letter of the list, in either case."""
    letter = answer.strip().upper() if isinstance(answer, str) else answer
    if not isinstance(letter, str) or letter not in SUSPECTS:
        raise ValueError(f"the answer should be a letter from A to {max(SUSPECTS)}, such as \"A\", not {answer!r}")
    return letter == other


def _diagnosis(name: str, letter: str, because: str, **against: str) -> Exercise:
    hints = WOULD_SHOW | against
    wrong = [(suspect, hints[suspect]) for suspect in SUSPECTS if suspect != letter]
    return Exercise(name=name, solution=letter, equal=same_letter, mistakes=wrong, because=because)


def _by(experiment: Callable[[Callable], Any]) -> Callable[[Any, Any], bool]:
    """A judge of functions: equal when an experiment with them gives the same numbers."""

    def equal(answer: Any, other: Any) -> bool:
        if not callable(answer):
            raise ValueError(f"the answer should be a function, not {answer!r}")
        return same_function(())(lambda: experiment(answer), lambda: experiment(other))

    return equal


def _random(*shape: int, seed: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


_mu, _log_var, _eps = (_random(6, 5, seed=seed) for seed in range(3))

# ward 1
diagnosis_1 = _diagnosis(
    "11.1", "D",
    "an image's probability is at most 1 and the KL at least 0, so this loss can't be negative: but a KL that is "
    "subtracted can make it so, and does so without end.",
    F="no: a step that is too large would make the loss larger; this one falls, as it was told to",
    G="no: however sigma is read, a loss that adds a KL to a cross-entropy can't be negative",
    H="no: a term with too little weight may let the rate grow, but the loss would stay above zero",
    I="no: that can't make a loss negative",
)  # fmt: skip
cure_1 = Exercise(
    name="11.2",
    solution=lambda mu, log_var: kl_divergence(Normal(mu, (0.5 * log_var).exp()), Normal(0.0, 1.0)),
    equal=same_function((_mu, _log_var), (3 * _mu, 2 * _log_var)),
    mistakes=[
        (lambda m, t: 0.5 * (1 + t - m**2 - t.exp()), "that is minus the KL still: try mu = 1, log_var = 0"),
        (lambda m, t: 0.5 * (m**2 + t - 1 - t.exp()), "two signs are turned, and two are not: try mu = 0, log_var = 1"),
        (lambda m, t: 0.5 * (m**2 + t.exp() + 1 - t), "the 1 too: for q = p, mu = log_var = 0, the KL must be 0"),
        (lambda m, t: 0.5 * (m**2 + t.exp() - 1 + t), "the logarithm too has to turn its sign: a narrow q is dear"),
        (lambda m, t: m**2 + t.exp() - 1 - t, "the sign is right; the 1/2 is missing"),
        (lambda m, t: 0.5 * (m**2 + (2 * t).exp() - 1 - 2 * t), "log_var is log sigma^2 already: no 2 before it"),
        (lambda m, t: 0.5 * ((m**2 + 1) / t.exp() - 1 + t), "that is KL(p, q), the other way round"),
        (lambda m, t: 0.5 * (m**2 + t.exp() - 1 - t).sum(-1), "right, but leave the latents apart: no sum"),
        (lambda m, t: 0.5 * (m**2 + t.exp() - 1 - t).mean(-1), "leave the latents apart: no mean, and no sum"),
    ],
    hints=["it should be 0 at mu = log_var = 0 and positive elsewhere", "0.5 * (mu**2 + log_var.exp() - 1 - log_var)"],
    because="the KL that torch.distributions finds, latent by latent.",
    shown="lambda mu, log_var: 0.5 * (mu**2 + log_var.exp() - 1 - log_var)",
)  # fmt: skip

# ward 2
diagnosis_2 = _diagnosis(
    "11.3", "H",
    "a nat of distortion saved counts a 784th here, a nat of rate counts in full: no code can pay for itself.",
    B="a good thought, since the rate is 0; but the encoder does hear of the distortion, and the loss is 0.26",
    F="no: with a tenth of it the same happens: the network is where this loss is least",
    G="no: then its latents would be in use, and cheap",
)  # fmt: skip
_PIXELS, _LATENTS = 784, 5
_q = Independent(Normal(_mu, (0.5 * _log_var).exp()), 1)
_prior = Independent(Normal(torch.zeros_like(_mu), 1.0), 1)
_logits = _random(6, _PIXELS, seed=3)
_x = (_random(6, _PIXELS, seed=4) > 0).double()
_bce = -Bernoulli(logits=_logits).log_prob(_x)
_kl = kl_divergence(Normal(_mu, (0.5 * _log_var).exp()), Normal(0.0, 1.0))
cure_2 = Exercise(
    name="11.4",
    solution=lambda bce, kl: (bce.sum(-1) + kl.sum(-1)).mean(),
    equal=same_function((_bce, _kl)),
    mistakes=[
        (lambda b, k: b.mean() + k.sum(-1).mean(), "that is the line as it is: the rate weighs 784 times too much"),
        (lambda b, k: b.mean() + k.mean(), "both means: but over 784 pixels and over 5 latents, so β = 784/5 = 157"),
        (lambda b, k: b.sum(-1).mean() + k.mean(), "the mean over the 5 latents makes the rate a fifth: β = 1/5"),
        (lambda b, k: b.sum() + k.sum(-1).mean(), "the distortion is summed over the batch, the rate is averaged"),
        (lambda b, k: b.sum(-1).mean() + k.sum(), "the rate is summed over the batch: β = the number of its images"),
        (lambda b, k: b.sum(-1).mean(), "the rate is missing: it costs, too"),
        (lambda b, k: b.mean() + k.sum(), "now the rate is summed over the batch as well: farther off than before"),
        (lambda b, k: b.sum() + k.sum(), "the right optimum, but in nats a batch: average over the images"),
        (lambda b, k: b.sum(-1).mean() - k.sum(-1).mean(), "the reductions are right; but the rate costs: add it"),
        (lambda b, k: b.sum(-1) + k.sum(-1), "one number for the batch: average over the images"),
    ],
    hints=["sum over pixels and over latents, then one mean over the images", "(bce.sum(-1) + kl.sum(-1)).mean()"],
    because="minus the mean ELBO of the batch, in nats an image.",
    shown="lambda bce, kl: (bce.sum(-1) + kl.sum(-1)).mean()",
)  # fmt: skip

# ward 3
diagnosis_3 = _diagnosis(
    "11.5", "B",
    "the encoder heard of the rate alone, and made it 0. Autograd says that the distortion does not depend on mu; "
    "moving mu says that it does.",
    H="a good thought: a rate summed over the batch would look just like this. But the reductions were checked, twice",
    J="no: none of the five is in use",
)  # fmt: skip


def _gradients_and_noise(draw: Callable) -> np.ndarray:
    """Whether z follows mu and sigma; mean, spread and share within ±1 of (z - mu)/sigma: should be 1, 1, 0, 1, 0.7."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        mu = torch.linspace(-2, 2, 4000).requires_grad_()
        sigma = torch.linspace(0.5, 2, 4000).requires_grad_()
        z = draw(Normal(mu, sigma))
        if not torch.is_tensor(z) or z.shape != mu.shape:
            raise ValueError(f"the draw should be a tensor of shape {tuple(mu.shape)}")
        to_mu = to_sigma = None
        if z.requires_grad:
            to_mu, to_sigma = torch.autograd.grad(z.sum(), (mu, sigma), allow_unused=True)
    eps = ((z - mu) / sigma).detach()
    follows_mu = to_mu is not None and torch.allclose(to_mu, torch.ones_like(mu))
    follows_sigma = to_sigma is not None and torch.allclose(to_sigma, eps, atol=1e-4)
    within = (eps.abs() < 1).float()
    return np.round([follows_mu, follows_sigma, eps.mean().item(), eps.std().item(), within.mean().item()], 1)


def _straight_through(q: Normal) -> torch.Tensor:
    return q.mean + (q.sample() - q.mean).detach()


cure_3 = Exercise(
    name="11.6",
    solution=lambda q: q.mean + q.stddev * torch.randn_like(q.mean),
    equal=_by(_gradients_and_noise),
    mistakes=[
        (lambda q: q.sample(), "a draw, but no gradient passes; `sample` stands under no_grad, and marking its "
                               "result as requires_grad starts a new graph"),
        (lambda q: q.mean, "the gradient passes to mu, but nothing is drawn any more: that is a plain autoencoder"),
        (lambda q: q.mean + q.stddev * torch.rand_like(q.mean), "rand is uniform on [0, 1): Gaussian noise is randn"),
        (lambda q: q.mean + q.stddev, "the gradient passes, but every draw is the same: no noise"),
        (_straight_through, "mu's gradient passes; sigma's does not: its way leads through the noise, too"),
        (lambda q: q.mean.detach() + q.stddev * torch.randn_like(q.mean), "sigma's gradient passes; mu's does not"),
        (lambda q: q.mean + q.variance * torch.randn_like(q.mean), "that spreads by the variance, not by sigma"),
    ],
    hints=["z = mu + sigma * noise; torch has a method of q for it", "q.rsample(): r is for reparameterized"],
    because="dz/dmu = 1, dz/dsigma = (z - mu)/sigma, and (z - mu)/sigma is standard normal.",
    shown="lambda q: q.rsample()",
)  # fmt: skip

# ward 4
diagnosis_4 = _diagnosis(
    "11.7", "C",
    "backward adds to .grad. After k steps the program walks along the sum of k gradients, most of them of weights "
    "that it left long ago.",
    B="no: then the rate would fall to 0 and stay there, and the inventions would be one calm smudge",
    D="no: then the loss would be below zero",
    F="close: it does take wrong steps. But its learning rate is the healthy one's, and a tenth of it doesn't heal it",
)  # fmt: skip


def _three_steps(step: Callable) -> np.ndarray:
    """The weights after each of three steps of gradient descent on a bowl, from (1, -2)."""
    w = torch.tensor([1.0, -2.0], dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.1)
    steepness = torch.tensor([1.0, 3.0])
    path = []
    for _ in range(3):
        step(optimizer, 0.5 * (steepness * w**2).sum())
        path.append(w.detach().numpy().copy())
    return np.array(path)


cure_4 = Exercise(
    name="11.8",
    solution=lambda optimizer, loss: (optimizer.zero_grad(), loss.backward(), optimizer.step()),
    equal=_by(_three_steps),
    mistakes=[
        (lambda o, loss: (loss.backward(), o.step()), "that is the line as it is: the gradients add up"),
        (lambda o, loss: (loss.backward(), o.zero_grad(), o.step()),
         "nothing moves: step is missing, or where it comes there is no gradient: never made, or cleared before"),
        (lambda o, loss: (o.zero_grad(), loss.backward(), o.step(), o.step()), "two steps along one gradient"),
    ],
    hints=["clear, differentiate, step", "(optimizer.zero_grad(), loss.backward(), optimizer.step())"],
    because="on a bowl the weights shrink by 1 - 0.1 a in every step, as gradient descent should.",
    shown="lambda optimizer, loss: (optimizer.zero_grad(), loss.backward(), optimizer.step())",
)  # fmt: skip

# ward 5
diagnosis_5 = _diagnosis(
    "11.9", "G",
    "the sampler's noise has the size |log_var|, the KL takes log_var for what it is. At log_var = 0 there is no noise "
    "at all, and the KL thinks that sigma is 1: a code without noise for the price of one with much.",
    D="no: the rate is small here, and the loss well above zero",
    H="a good thought, since the rate is small; but a claim of -134 has copies in it too good for a rate of three",
    I="a good thought, since the claim is too good; but measured on its own training images it is as bad",
)  # fmt: skip


def _place_and_spread(draw: Callable) -> np.ndarray:
    """Where z lies without noise, how far the noise moves it, either way, and that -eps moves it as far back."""
    still, there, back = (draw(_mu, _log_var, sign * _eps) for sign in (0, 1, -1))
    if not all(torch.is_tensor(z) and z.shape == _mu.shape for z in (still, there, back)):
        raise ValueError(f"the draw should be a tensor of the shape of mu, {tuple(_mu.shape)}")
    return np.stack([still.numpy(), (there - still).abs().numpy(), (there + back - 2 * still).numpy()])


cure_5 = Exercise(
    name="11.10",
    solution=lambda mu, log_var, eps: Normal(mu, log_var.exp().sqrt()).icdf(Normal(0.0, 1.0).cdf(eps)),
    equal=_by(_place_and_spread),
    mistakes=[
        (lambda m, t, e: m + t * e, "that is the line as it is: log_var is log sigma^2"),
        (lambda m, t, e: m + t.exp() * e, "exp(log_var) is the variance; the noise is to be multiplied by sigma"),
        (lambda m, t, e: m + 0.5 * t.exp() * e, "the 1/2 belongs inside: sigma = exp(log_var/2)"),
        (lambda m, t, e: m + 0.5 * t * e, "that is log sigma; take its exponential"),
        (lambda m, t, e: m + (2 * t).exp() * e, "a half, not a 2: the square root of exp(log_var)"),
        (lambda m, t, e: m + (-0.5 * t).exp() * e, "the sign in the exponent: that is 1/sigma"),
        (lambda m, t, e: m + (0.5 * t).exp(), "the noise, eps, is missing"),
        (lambda m, t, e: (0.5 * t).exp() * e, "mu is missing"),
        (lambda m, t, e: m * (0.5 * t).exp() * e, "mu is added, not multiplied"),
    ],
    hints=["mu + sigma * eps, where log_var = log sigma^2", "sigma = (log_var / 2).exp()"],
    because="without noise the draw is mu, and eps moves it by eps of q's sigmas.",
    shown="lambda mu, log_var, eps: mu + (log_var / 2).exp() * eps",
)  # fmt: skip

# ward 6
diagnosis_6 = _diagnosis(
    "11.11", "A",
    "the training is not to blame, the word is: exp(-BCE) gives all grey images together far less than probability 1.",
    H="no: rate and distortion are the healthy one's",
    I="no: the number is too low, if anything",
)  # fmt: skip
_grey = torch.rand(6, 7, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
_raw = 3 * _random(6, 7, seed=6)


def _minus_bce(logits: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    return x * logits - logits.exp().log1p()


def _log_area(logits: torch.Tensor) -> torch.Tensor:
    return ((logits / 2).tanh() / logits).log()


cure_6 = Exercise(
    name="11.12",
    solution=lambda logits, x: ContinuousBernoulli(logits=logits).log_prob(x).sum(-1),
    equal=same_function((_raw, _grey)),
    mistakes=[
        (lambda r, x: _minus_bce(r, x).sum(-1), "that is minus BCE as it is: divide each pixel's density by its area"),
        (lambda r, x: (_minus_bce(r, x) + _log_area(r)).sum(-1), "to divide by the area, subtract its logarithm"),
        (lambda r, x: -(_minus_bce(r, x) - _log_area(r)).sum(-1), "turn the sign: that is the distortion"),
        (lambda r, x: (_minus_bce(r, x) - _log_area(r)).mean(-1), "an image's log-density is the sum over its pixels"),
        (lambda r, x: _minus_bce(r, x) - _log_area(r), "one number for each image: sum over the pixels"),
        (lambda r, x: (_minus_bce(r, x) - _log_area(r)).sum(), "one number for each image: sum over the last axis"),
        (lambda r, x: (_minus_bce(r, x) - r.tanh().div(r).log()).sum(-1), "the area has tanh of half the logit"),
        (lambda r, x: _minus_bce(r, x).sum(-1) - _log_area(r).mean(-1), "every pixel has its own area: inside the sum"),
        (lambda r, x: _minus_bce(r, (x > 0.5).double()).sum(-1), "an honest probability, but of another image: this "
                                                                  "one's pixels are grey"),
    ],
    hints=["a pixel's log-density is -BCE - log(area)",
           "x * logits - log(1 + exp(logits)) - log(tanh(logits/2)/logits)"],
    because="the continuous Bernoulli density, with area 1 in every pixel.",
    shown="lambda logits, x: (x * logits - logits.exp().log1p() - ((logits / 2).tanh() / logits).log()).sum(-1)",
)  # fmt: skip

# ward 7
diagnosis_7 = _diagnosis(
    "11.13", "I",
    "its test images did as well as its training images, for they were among them. Images that nobody gave it tell.",
    A="no: these pixels are tossed black or white",
    G="no: the claimed number was measured by a healthy formula; only the images are wrong",
)  # fmt: skip


def _heads(split: Callable) -> np.ndarray:
    """How many of 600 images are trained on, tested on, both, and neither."""
    parts = split(torch.randperm(600, generator=torch.Generator().manual_seed(0)))
    if not isinstance(parts, tuple | list) or len(parts) != 2 or not all(torch.is_tensor(part) for part in parts):
        raise ValueError("the function should return two parts of order: (train, test)")
    train, test = ({int(i) for i in part.flatten()} for part in parts)
    return np.array([len(train), len(test), len(train & test), 600 - len(train | test)])


cure_7 = Exercise(
    name="11.14",
    solution=lambda order: (order[:400], order[400:]),
    equal=_by(_heads),
    mistakes=[
        (lambda order: (order, order[400:]), "that is the line as it is: 200 images are in both"),
        (lambda order: (order[:400], order), "now the test has all 600, the 400 of the training among them"),
        (lambda order: (order[:400], order[200:400]), "all the test images are training images still"),
        (lambda order: (order[:500], order[400:]), "100 images are in both still"),
        (lambda order: (order[400:], order[:400]), "no image is in both; but 400 are for training, 200 for the test"),
        (lambda order: (order[:400], order[401:]), "no image is in both; but order[400] is in neither"),
        (lambda order: (order[:400], order[-100:]), "no image is in both; but a hundred are in neither"),
        (lambda order: (order[:400], order[torch.randperm(600, generator=torch.Generator().manual_seed(1))][400:]),
         "a second shuffle has nothing to do with the first: by chance many images are in both"),
    ],
    hints=["train on the first 400 of order, test on the others", "(order[:400], order[400:])"],
    because="400 and 200 images, none in both, none in neither.",
    shown="lambda order: (order[:400], order[400:])",
)  # fmt: skip

# ward 8
diagnosis_8 = _diagnosis(
    "11.15", "E",
    "the average of 1/w instead of w. It too grows with K, as averages under a logarithm do; but it bounds nothing.",
    **dict.fromkeys("BCFJ", "no: nothing is trained here, and the model is known exactly"),
    D="no: there is no KL in this program: prior and q stand in the weights",
    H="no: there is no loss of two terms here",
    G="no: the draws came from the q whose density is in the weights",
    I="no: nothing was trained on these images, and the exact log p(x) is of the same ones",
)  # fmt: skip
_model = LinearGaussian(W=1.5, b=0.0, sigma=0.5)
_seen = np.array([1.0, -0.3, 4.0])


def _two_encoders(bound: Callable) -> np.ndarray:
    """The bound of three images with the exact posterior as q, and with a q twice as wide; 7 draws."""
    mean, var = _model.posterior(_seen)
    noise = np.random.default_rng(0).standard_normal((7, 3))
    answers = []
    for variance in (var, 4 * var):
        z = mean + np.sqrt(variance) * noise
        log_joint = _model.log_likelihood(_seen, z) + _model.log_prior(z)
        answers.append(np.asarray(bound(log_joint, _model.log_q(z, mean, variance)), dtype=float))
        if answers[-1].shape != (3,):
            raise ValueError(f"your function returns shape {answers[-1].shape}, wanted (3,): one number an image")
    return np.array(answers)


def _log_mean_exp(log_weights: np.ndarray) -> np.ndarray:
    return np.logaddexp.reduce(log_weights) - np.log(len(log_weights))


cure_8 = Exercise(
    name="11.16",
    solution=lambda log_joint, log_q: _log_mean_exp(log_joint - log_q),
    equal=_by(_two_encoders),
    mistakes=[
        (lambda j, q: _log_mean_exp(q - j), "that is the line as it is: a weight is p(x, z)/q(z|x)"),
        (lambda j, q: -_log_mean_exp(q - j), "right for K = 1, but with more samples it falls: a bound must rise. Turn "
                                             "the weights over, not the result"),
        (lambda j, q: (j - q).mean(0), "the mean of the logarithms: that is the ELBO, however many samples"),
        (lambda j, q: np.logaddexp.reduce(j - q), "the sum of the weights, not their mean: log K too much"),
        (lambda j, q: np.logaddexp.reduce(j - q) + np.log(len(j)), "to divide by K, subtract log K"),
        (lambda j, q: (j - q).max(0), "the largest weight alone: up to log K too much"),
        (lambda j, q: _log_mean_exp(j), "q is missing: the draws came from q, not from the prior"),
        (lambda j, q: _log_mean_exp(j + q), "q divides: subtract its logarithm"),
    ],
    hints=["log_weights = log_joint - log_q", "np.logaddexp.reduce(log_joint - log_q) - np.log(len(log_q))"],
    because="with the exact posterior as q every weight is p(x) itself, whatever K is.",
    shown="lambda log_joint, log_q: np.logaddexp.reduce(log_joint - log_q) - np.log(len(log_q))",
)  # fmt: skip
