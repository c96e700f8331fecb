"""Slips that people make in a VAE, planted one at a time in a copy of the package; and who must notice each."""

import shutil
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]


class Mutant(NamedTuple):
    """A slip: in `file`, `new` for the one `old`. The test `killer` must fail, and that lesson's notebook ("": no
    lesson's figures come from that line)."""

    slip: str
    file: str
    old: str
    new: str
    killer: str
    lesson: str


MUTANTS = [
    Mutant(
        "KL dropped", "objective.py", "rate = gaussian_kl(mu, log_var)", "rate = 0 * gaussian_kl(mu, log_var)",
        "test_objective.py::test_elbo_is_its_definition", "06",
    ),
    Mutant(
        "KL's sign turned", "objective.py", "return Elbo(-(rate + distortion),", "return Elbo(rate - distortion,",
        "test_objective.py::test_elbo_is_its_definition", "08",
    ),
    Mutant(
        "KL's sign turned, in the loss", "step.py", "distortion + self.beta * rate", "distortion - self.beta * rate",
        "test_train.py::test_is_the_plain_loop", "",
    ),
    Mutant(
        "KL's sign turned, in the gradient", "by_hand.py", "d_rate = weight * beta", "d_rate = -weight * beta",
        "test_by_hand.py::test_is_autograds", "06",
    ),
    Mutant(
        "the noise forgotten in the gradient", "by_hand.py", "(d_z * noise * sigma +", "(d_z * sigma +",
        "test_by_hand.py::test_is_autograds", "08",
    ),
    Mutant(
        "a ReLU that lets every derivative through", "by_hand.py", ".mul_(seen[number].sign())", "",
        "test_by_hand.py::test_is_autograds", "08",
    ),
    Mutant(
        "mean over latents for their sum", "objective.py", "- log_var).sum(-1)", "- log_var).mean(-1)",
        "test_objective.py::test_gaussian_kl_is_torchs", "05",
    ),
    Mutant(
        "half a KL", "objective.py", "return 0.5 * (mu**2", "return 0.25 * (mu**2",
        "test_objective.py::test_gaussian_kl_is_the_integral", "05",
    ),
    Mutant(
        "mean over pixels for their sum", "objective.py",
        "distortion = -model.decode(z).log_prob(x)", "distortion = -model.decode(z).log_prob(x) / x[0].numel()",
        "test_objective.py::test_every_pixel_counts_once_and_no_image_is_averaged", "06",
    ),
    Mutant(
        "mu and log_var swapped", "objective.py", "gaussian_kl(mu, log_var)\n", "gaussian_kl(log_var, mu)\n",
        "test_objective.py::test_elbo_is_its_definition", "08",
    ),
    Mutant(
        "sigma squared for sigma, in the sample", "model.py",
        "return mu + torch.exp(0.5 * log_var) *", "return mu + torch.exp(log_var) *",
        "test_objective.py::test_elbo_is_its_definition", "06",
    ),
    Mutant(
        "no sampling", "model.py",
        "return mu + torch.exp(0.5 * log_var) *", "return mu + 0 * torch.exp(0.5 * log_var) *",
        "test_objective.py::test_elbo_is_its_definition", "06",
    ),
    Mutant(
        "sigma squared for sigma, in the likelihood", "model.py",
        "self.log_sigma.exp(), validate", "(2 * self.log_sigma).exp(), validate",
        "test_model.py::test_gaussian_is_its_formula", "06",
    ),
    Mutant(
        "a sigmoid twice", "model.py", "Bernoulli(logits=logits,", "Bernoulli(logits=logits.sigmoid(),",
        "test_model.py::test_bernoulli_is_cross_entropy_summed_over_pixels", "06",
    ),
    Mutant(
        "the decoder's bias is the mean, not its logit", "model.py",
        "torch.logit(mean_image.flatten(), eps=1e-3)", "mean_image.flatten()",
        "test_model.py::test_decoder_starts_at_the_mean_image", "06",
    ),
    Mutant(
        "grey pixels taken for a Bernoulli's", "objective.py",
        'if model.likelihood == "bernoulli" and not', 'if model.likelihood == "gray" and not',
        "test_objective.py::test_grey_pixels_are_refused_under_bernoulli_only", "",
    ),
    Mutant(
        "mean of logs for the log of the mean, in the K-sample bound", "objective.py",
        "return log_weights.logsumexp(0) - log(k)", "return log_weights.mean(0)",
        "test_objective.py::test_k_sample_bound_by_hand_on_the_same_noise", "",
    ),
    Mutant(
        "1/k forgotten, in the K-sample bound", "objective.py",
        "return log_weights.logsumexp(0) - log(k)", "return log_weights.logsumexp(0)",
        "test_objective.py::test_k_sample_bound_by_hand_on_the_same_noise", "",
    ),
    Mutant(
        "1/n forgotten", "estimators.py", "np.log(total / n)", "np.log(total)",
        "test_estimators.py::test_summary_is_its_definition", "01",
    ),
    Mutant(
        "mean of logs for the log of the mean, in an estimate", "estimators.py",
        "Estimate(top + np.log(total / n),", "Estimate(chunk.mean(0),",
        "test_estimators.py::test_summary_is_its_definition", "01",
    ),
    Mutant(
        "the largest log weight not added again", "estimators.py", "Estimate(top + np.log", "Estimate(np.log",
        "test_estimators.py::test_summary_is_its_definition", "01",
    ),
    Mutant(
        "squared weights rescaled once, in the effective sample size", "estimators.py",
        "squares * scale**2 +", "squares * scale +",
        "test_estimators.py::test_streaming_equals_one_shot", "01",
    ),
    Mutant(
        "a variance for its root, in the standard error", "estimators.py",
        "np.sqrt(np.maximum(n / ess - 1, 0) / (n - 1))", "np.maximum(n / ess - 1, 0) / (n - 1)",
        "test_estimators.py::test_summary_is_its_definition", "01",
    ),
    Mutant(
        "the prior's density for the proposal's", "evidence.py",
        "lambda z: q.log_prob(z).sum(-1).cpu()", "lambda z: Normal(0.0, 1.0).log_prob(z).sum(-1).cpu()",
        "test_evidence.py::test_k_sample_climbs_from_the_elbo_to_the_evidence", "10",
    ),
    Mutant(
        "the prior forgotten in p(x, z)", "evidence.py",
        "return _log_likelihood(model, x, z) + Normal(0.0, 1.0, validate_args=False).log_prob(z).sum(-1)",
        "return _log_likelihood(model, x, z)",
        "test_evidence.py::test_log_joint_is_that_of_the_net", "10",
    ),
    Mutant(
        "sigma for sigma squared, in the exact posterior", "linear_gaussian.py",
        "cov = self.sigma**2 * np", "cov = self.sigma * np",
        "test_linear_gaussian.py::test_posterior_is_the_joint_gaussian_conditioned", "01",
    ),
    Mutant(
        "forward KL for reverse KL", "mixture.py",
        "return float(self._reverse_kl(mu, log_var))", "return self.forward_kl(mu, log_var)",
        "test_mixture.py::test_divergences_by_adaptive_quadrature", "05",
    ),
    Mutant(
        "a baseline that knows the draw", "gradients.py",
        "return (costs.sum(0) - costs) / (len(costs) - 1)", "return costs.mean(0).expand_as(costs)",
        "test_gradients.py::test_leave_one_out_is_the_mean_of_the_others", "07",
    ),
    Mutant(
        "the score's gradient through the draw as well", "gradients.py",
        "z = (mu + sigma * eps).detach()", "z = mu + sigma * eps",
        "test_gradients.py::test_unbiased_for_the_distortion_of_a_linear_gaussian_model", "07",
    ),
    Mutant(
        "gradients not set to zero", "step.py", "run.optimizer.zero_grad()", "",
        "test_train.py::test_is_the_plain_loop", "",
    ),
    Mutant(
        "measured on the training images", "train.py",
        "images[batch] if held_out is None else held_out", "images",
        "test_train.py::test_history_has_one_entry_an_epoch", "",
    ),
    Mutant(
        "the worst parameters kept", "train.py",
        "best = max(range(len(held))", "best = min(range(len(held))",
        "test_train.py::test_patience_returns_the_best_parameters", "",
    ),
    Mutant(
        "a cycle that does not come down", "schedule.py",
        "(1 + cos(pi * (done - WARM_UP) / (1 - WARM_UP))) / 2", "1.0",
        "test_schedule.py::test_is_torchs_line_and_torchs_cosine", "08",
    ),
    Mutant(
        "the cycle forgotten in a run", "train.py",
        'run.settings["learning_rate"] * one_cycle(run.epoch, epochs)', 'run.settings["learning_rate"]',
        "test_schedule.py::test_each_epoch_of_a_run_has_its_rate", "",
    ),
    Mutant(
        "log_var for mu, in the active units", "evaluate.py",
        "means.append(model.encode(x)[0]", "means.append(model.encode(x)[1]",
        "test_evaluate.py::test_active_units_are_those_whose_mean_moves", "",
    ),
]


def planted(mutant: Mutant | None, folder: Path) -> Path:
    """The package copied into folder, with the slip in it (None: as it is)."""
    package = folder / "vae_lesson"
    shutil.copytree(ROOT / "vae_lesson", package, ignore=shutil.ignore_patterns("__pycache__"))
    if mutant is not None:
        file = package / mutant.file
        source = file.read_text(encoding="utf8")
        found = source.count(mutant.old)
        assert found == 1, f"{mutant.file} has {mutant.old!r} {found} times, not once: mend tests/faults/mutants.py"
        file.write_text(source.replace(mutant.old, mutant.new), encoding="utf8")
    return package
