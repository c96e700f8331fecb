"""Every true line of the bank is accepted, every false one refused, and the two judges never contradict each other."""

import pytest
from bank_false import FALSE, UNDECIDED
from bank_true import TRUE, WRONG_REASON

from vae_lesson.symbolic import check, verdict
from vae_lesson.symbolic.witness import Finding

OPPOSITE = {"=": "=", ">=": "<=", "<=": ">="}


def name(line):
    left, relation, right, *reasons = line
    return f"{left} {relation} {right} [{', '.join(reasons)}]"


def test_the_bank_is_large():
    assert len(TRUE) >= 60 and len(FALSE) >= 80
    assert len(set(map(name, FALSE))) == len(FALSE) and len(set(map(name, TRUE))) == len(TRUE)


@pytest.mark.parametrize("line", TRUE, ids=name)
def test_true_lines_are_accepted(line):
    verdict = check(*line)
    assert verdict.status == "accepted", str(verdict)
    assert verdict.finding.worlds >= 3


@pytest.mark.parametrize("line", TRUE, ids=name)
def test_true_lines_are_accepted_from_right_to_left(line):
    left, relation, right, *reasons = line
    assert check(right, OPPOSITE[relation], left, *reasons).accepted


@pytest.mark.parametrize("line", FALSE, ids=name)
def test_false_lines_are_refused_with_two_numbers(line):
    verdict = check(*line)
    assert verdict.status == "refused" and not verdict, str(verdict)
    assert not verdict.disagreement
    finding = verdict.finding
    left, right = finding.left, finding.right
    assert {"=": left != right, ">=": left < right, "<=": left > right}[line[1]] and "left = " in repr(verdict)


@pytest.mark.parametrize("line", FALSE, ids=name)
def test_no_reason_makes_a_false_line_true(line):
    left, relation, right, *_ = line
    assert check(left, relation, right).status == "refused"


@pytest.mark.parametrize("line", WRONG_REASON, ids=name)
def test_a_true_line_with_a_wrong_reason_is_told_the_right_one(line):
    verdict = check(*line)
    assert verdict.status == "true, but not by this reason" and not verdict, str(verdict)
    right_ones = verdict.why.removeprefix("it holds by ").split(" + ")
    assert check(*line[:3], *right_ones).accepted


@pytest.mark.parametrize("line", UNDECIDED, ids=name)
def test_what_cannot_be_decided_is_never_accepted(line):
    assert check(*line).status == "undecided"
    assert not check(*line[:3])


@pytest.mark.parametrize("line", FALSE[::6], ids=name)
def test_a_proof_that_believes_everything_is_overruled_by_the_witness(line, monkeypatch):
    monkeypatch.setattr(verdict, "equal", lambda *_: True)
    answer = check(*line)
    assert answer.status == "refused" and answer.disagreement


@pytest.mark.parametrize("line", FALSE[::3], ids=name)
def test_a_witness_that_believes_everything_is_not_enough(line, monkeypatch):
    monkeypatch.setattr(verdict, "judge", lambda *_: Finding(True, worlds=1))
    assert not check(*line)
