"""Estimates of log p(x) from samples of z, in log space, in chunks, so that memory stays bounded however many samples.

They know no model: the caller brings functions of z that return log-densities of shape (samples, ...), as numpy arrays
or as torch tensors on the CPU without gradients. Taught in 01 and 02, used on the trained VAE in 10.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike


class Estimate(NamedTuple):
    """log p(x) as estimated from weights w_1..w_n whose mean is unbiased for p(x); each field of the batch's shape.

    log_estimate: log of the mean weight, in nats. By Jensen's inequality it lies below log p(x) on average.
    standard_error: of log_estimate, by the delta method: sd(w) / (mean(w) sqrt(n)) = sqrt((n / ess - 1) / (n - 1)).
        It is trustworthy only when the effective sample size is large: samples that never met the weight can't tell
        of it. NaN for one sample, or if all weights are zero.
    effective_sample_size: (sum w)^2 / sum w^2, from 1 to n; 0 if all weights are zero. Source: Kong (1992).
    largest_share: the part of sum w that the largest weight carries, from 1/n to 1; NaN if all are zero.
    """

    log_estimate: np.ndarray
    standard_error: np.ndarray
    effective_sample_size: np.ndarray
    largest_share: np.ndarray


class Bound(NamedTuple):
    """The K-sample bound as estimated from repetitions: `bound` and its `standard_error` (NaN for one repetition)."""

    bound: np.ndarray
    standard_error: np.ndarray


def log_mean_exp(log_weights: ArrayLike) -> np.ndarray:
    """log((1/n) sum exp(log_weights)) over the first axis, with no overflow: shape (n, ...) to (...)."""
    return summarize([log_weights]).log_estimate


def summarize(chunks: Iterable[ArrayLike]) -> Estimate:
    """Log of the mean weight, with what tells how far to trust it.

    Args:
        chunks: log weights in nats; an iterable of arrays (samples, ...) that differ at most in samples, each used
            once and let go, or one such array. -inf is a weight of zero.

    Returns:
        Estimate with fields of shape (...).

    Raises:
        ValueError: no weights, shapes that do not fit, NaN or +inf.
    """
    if hasattr(chunks, "shape"):
        chunks = [np.asarray(chunks)]
    # Weights are kept as multiples of the largest so far, exp(top): each sum lies between 1 and n.
    n, top, total, squares = 0, np.array(-np.inf), np.array(0.0), np.array(0.0)
    for chunk in chunks:
        chunk = np.asarray(chunk, dtype=np.float64)
        if chunk.ndim == 0 or chunk.size == 0 or (n and chunk.shape[1:] != top.shape):
            raise ValueError(f"chunks has an array of shape {chunk.shape}; wanted (samples, ...), alike, not empty")
        if np.isnan(chunk).any() or (chunk == np.inf).any():
            raise ValueError("chunks has NaN or +inf; wanted log weights, finite or -inf")
        old, top = top, np.maximum(top, chunk.max(0))
        shift = np.where(top == -np.inf, 0, top)
        weights, scale = np.exp(chunk - shift), np.exp(old - shift)
        total = total * scale + weights.sum(0)
        squares = squares * scale**2 + (weights**2).sum(0)
        n += len(chunk)
    if n == 0:
        raise ValueError("chunks has no log weights; wanted at least one")
    with np.errstate(divide="ignore", invalid="ignore"):  # weights that are all zero, or a single one
        ess = total**2 / squares
        standard_error = np.sqrt(np.maximum(n / ess - 1, 0) / (n - 1))
        return Estimate(top + np.log(total / n), standard_error, np.nan_to_num(ess), np.exp(top - shift) / total)


def naive_monte_carlo(
    log_likelihood: Callable[[Any], ArrayLike], sample_prior: Callable[[int], Any], n: int, chunk: int = 1000
) -> Estimate:
    """log p(x) from samples of the prior: log((1/n) sum p(x|z_i)).

    Args:
        log_likelihood: z to log p(x|z), shape (samples, ...).
        sample_prior: a number of samples to that many z, along the first axis.
        n: number of samples in all.
        chunk: samples held at a time.

    Returns:
        Estimate with fields of shape (...).

    Raises:
        ValueError: n or chunk is not a positive integer, or the log-densities do not have `samples` rows.
    """
    return summarize(_rows("log_likelihood", log_likelihood(sample_prior(size)), size) for size in _sizes(n, chunk))


def importance_sampling(
    log_joint: Callable[[Any], ArrayLike],
    q_sample: Callable[[int], Any],
    q_log_prob: Callable[[Any], ArrayLike],
    n: int,
    chunk: int = 1000,
) -> Estimate:
    """log p(x) from samples of q: log((1/n) sum p(x, z_i) / q(z_i)). q must be positive wherever p(x, z) is.

    Args:
        log_joint: z to log p(x, z), shape (samples, ...).
        q_sample: a number of samples to that many z, along the first axis.
        q_log_prob: z to log q(z), with as many axes as log_joint's.
        n, chunk: as in `naive_monte_carlo`.

    Returns:
        Estimate with fields of shape (...).

    Raises:
        ValueError: as in `naive_monte_carlo`, or the two log-densities differ in their number of axes.
    """
    return summarize(_log_weights(log_joint, q_sample, q_log_prob, size) for size in _sizes(n, chunk))


def k_sample_bound(
    log_joint: Callable[[Any], ArrayLike],
    q_sample: Callable[[int], Any],
    q_log_prob: Callable[[Any], ArrayLike],
    k: int,
    repetitions: int,
    chunk: int = 1000,
) -> Bound:
    """E[log((1/k) sum w_i)] with w_i = p(x, z_i) / q(z_i), z_i from q: the ELBO for k = 1, never looser for more.

    Args:
        log_joint, q_sample, q_log_prob, chunk: as in `importance_sampling`.
        k: samples within the logarithm.
        repetitions: independent groups of k samples, over which the logarithms are averaged.

    Returns:
        Bound with fields of shape (...).

    Raises:
        ValueError: as in `importance_sampling`, or k or repetitions is not a positive integer.

    Source: Burda, Grosse & Salakhutdinov (2016), 'Importance Weighted Autoencoders', equation 8.
    """
    _positive("k", k)
    _positive("chunk", chunk)
    bounds = []
    for groups in _sizes(repetitions, max(1, chunk // k), "repetitions"):
        sizes = _sizes(k, max(1, chunk // groups))  # k at once if they fit, else one group in parts
        weights = (_log_weights(log_joint, q_sample, q_log_prob, size * groups) for size in sizes)
        bounds.append(summarize(w.reshape(-1, groups, *w.shape[1:]) for w in weights).log_estimate)
    every = np.concatenate(bounds)
    with np.errstate(divide="ignore", invalid="ignore"):  # one repetition, or weights that are all zero
        return Bound(every.mean(0), np.sqrt(every.var(0) / (len(every) - 1)))


def _log_weights(log_joint, q_sample, q_log_prob, size):
    z = q_sample(size)
    joint, proposal = _rows("log_joint", log_joint(z), size), _rows("q_log_prob", q_log_prob(z), size)
    if joint.ndim != proposal.ndim:  # (n, batch) minus (n,) would subtract along the wrong axis, unseen where n = batch
        raise ValueError(f"q_log_prob gives shape {proposal.shape}; wanted as many axes as log_joint's {joint.shape}")
    return joint - proposal


def _rows(name, values, size):
    values = np.asarray(values, dtype=np.float64)
    if values.shape[:1] != (size,):
        raise ValueError(f"{name} gives shape {values.shape} for {size} samples; wanted ({size}, ...)")
    return values


def _sizes(n: int, chunk: int, name: str = "n") -> Iterator[int]:
    """The sizes of the chunks that make up n."""
    _positive(name, n)
    _positive("chunk", chunk)
    return (min(chunk, n - start) for start in range(0, n, chunk))


def _positive(name, value):
    if not isinstance(value, int | np.integer) or value < 1:
        raise ValueError(f"{name} is {value!r}; wanted a positive integer")
