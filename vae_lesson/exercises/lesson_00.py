"""The exercises of notebook 00: the mechanism is tried on nats, on differences of nats, and on rate and distortion."""

import numpy as np

from vae_lesson.exercises.exercise import Exercise, same_number

a_coin = Exercise(
    name="0.1",
    solution=float(np.log(1 / 2)),
    equal=same_number(5e-3),
    mistakes=(
        (np.log(2), "the sign: the logarithm of a probability below 1 is negative"),
        (-1, "that is in bits, with base 2; nats are natural logarithms"),
        (np.log10(1 / 2), "that is in base 10; nats are natural logarithms, np.log"),
        (1 / 2, "that is the probability itself; take its natural logarithm"),
    ),
    hints=("the natural logarithm, np.log, of one half", "np.log(0.5), a little less than -0.69"),
    because="log(1/2) = -0.693 nats. A log-probability is never above 0, and the rarer the event, the lower it is.",
    shown="np.log(1 / 2)",
)

two_nats = Exercise(
    name="0.2",
    solution=float(np.exp(2)),
    equal=same_number(0.02),
    mistakes=(
        (2, "that is the difference of the logarithms; a ratio of probabilities is e to that power"),
        (np.exp(-2), "upside down: B gives the image the higher log-probability"),
        (4, "that is 2 to the power of 2, as for bits; in nats the base is e"),
        (100, "that is 10 to the power of 2; in nats the base is e"),
        (100 / 102, "that is a ratio of logarithms; the ratio of the probabilities is e to the power of a difference"),
        (102 / 100, "that is a ratio of logarithms; the ratio of the probabilities is e to the power of a difference"),
    ),
    hints=("exp(-100) / exp(-102): subtract the exponents", "np.exp(2)"),
    because="exp(-100) / exp(-102) = exp(2), about 7.4. A nat is a factor of e = 2.718, wherever it is won.",
    shown="np.exp(2)",
)

the_bound = Exercise(
    name="0.3",
    solution=-136.0,
    equal=same_number(0.05),
    mistakes=(
        (136, "the sign: 136 nats is the loss; the ELBO is minus that"),
        (-124, "rate and distortion are both costs: they add up"),
        (124, "rate and distortion are both costs: they add up, and the ELBO is minus their sum"),
        (-130, "the rate is missing: the ELBO is minus the sum of both"),
        (-6, "the distortion is missing: the ELBO is minus the sum of both"),
    ),
    hints=("look at the green line of the picture above", "-(6 + 130)"),
    because="Minus (6 + 130). Averaged over draws of z such numbers are never above log p(x); a single one may be.",
    shown="-(6 + 130)",
)
