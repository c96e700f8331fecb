"""The reasons that a line may give, and what each of them lets the proof do. Taught in notebooks 02 to 05.

A reason has switches of its own and some that usually come with it; `proof` reads them. A line that the accompanying
switches prove alone does not need the reason, and is told so.
"""

import re
from dataclasses import dataclass

PULL, SPLIT, UNIT, MARGINAL, JOINT, EXPECT, LOGS, DEF_KL, DEF_ELBO, DEF_H, PDF, MOMENTS, SAMPLES = range(13)


@dataclass(frozen=True)
class Rule:
    """One reason.

    Args:
        name: as printed.
        own: the switches that the reason turns on.
        along: the switches that come with it.
        bound: the inequality that it carries: "jensen", "kl", "log" or none.
        pattern: other wordings, a regular expression.
    """

    name: str
    own: frozenset = frozenset()
    along: frozenset = frozenset()
    bound: str = ""
    pattern: str = ""

    def matches(self, wording):
        """Whether the wording names this rule."""
        wording = wording.lower().replace("’", "'").strip()
        return wording == self.name.lower() or re.fullmatch(self.pattern, wording) is not None


def _rule(name, own=(), along=(), bound="", pattern=""):
    return Rule(name, frozenset(own), frozenset(along), bound, pattern)


RULES = (
    _rule("algebra", pattern="algebra|rearrange|rearranging"),
    _rule("multiply by one", pattern="(multiply|multiplication) by (one|1)"),
    _rule("linearity", {SPLIT, PULL}, pattern="linearity( of .*)?"),
    _rule("log of a product", {LOGS}, pattern="log(arithm)? of a (product|quotient)"),
    _rule("definition of expectation", {EXPECT}),
    _rule("normalisation", {UNIT}, {PULL}, pattern="normali[sz]ation"),
    _rule("does not depend on z", {PULL, UNIT}, pattern="(.* )?(does|do) not depend on [xz]"),
    _rule("marginalisation", {MARGINAL}, {PULL, EXPECT}, pattern="marginali[sz]ation"),
    _rule("Bayes' rule", {JOINT}, pattern="bayes('s|')?( rule| theorem)?"),
    _rule("product rule", {JOINT}, pattern="(product|chain) rule"),
    _rule("definition of KL", {DEF_KL}, {EXPECT}, pattern="definition of (the )?kl"),
    _rule("definition of ELBO", {DEF_ELBO}, {EXPECT, JOINT}, pattern="definition of (the )?elbo"),
    _rule("definition of entropy", {DEF_H}, {EXPECT, PULL}, pattern="definition of (the )?entropy"),
    _rule("Gaussian density", {PDF}, {LOGS}),
    _rule("Gaussian moments", {MOMENTS}, {SPLIT, PULL, UNIT, EXPECT}, pattern="gaussian moments?"),
    _rule("samples of one distribution", {SAMPLES}, {SPLIT, PULL, UNIT}, pattern="(iid )?samples"),
    _rule("Jensen's inequality", (), {EXPECT}, "jensen", "jensen('s)?( inequality)?"),
    _rule("KL is not negative", (), {SPLIT, PULL}, "kl", "(the )?kl (is not negative|is non-?negative|>= 0)"),
    _rule("log t <= t - 1", (), (), "log", "log ?t ?(<=|≤) ?t ?- ?1"),
)


def named(wording):
    """The rule that a wording names.

    Args:
        wording: such as "Bayes' rule".

    Returns:
        The Rule.

    Raises:
        ValueError: if no rule has that name.
    """
    for rule in RULES:
        if rule.matches(str(wording)):
            return rule
    raise ValueError(f"reason {wording!r} is unknown; the reasons are: {', '.join(rule.name for rule in RULES)}")
