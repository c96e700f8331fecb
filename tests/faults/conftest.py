"""Faults, as they happen to readers, each with its criterion; a table of the figures ends the run.

`make test` runs them in bounded time, `make faults` (pytest --whole tests/faults) the longer run, in two processes.
"""

from collections.abc import Callable

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--whole", action="store_true", help="faults: the whole run, not a sample of it")


@pytest.fixture
def whole(request: pytest.FixtureRequest) -> bool:
    """Whether this is the whole run (`make faults`) or the sample that `make test` takes."""
    return request.config.getoption("--whole", default=False)


@pytest.fixture
def figure(request: pytest.FixtureRequest) -> Callable[[str, str, object], None]:
    """figure(fault, criterion, what was found): one line of the table. Call it before the assertion that judges it."""
    rows = request.node.user_properties  # these reach the table from other processes as well
    return lambda fault, criterion, found: rows.append(("figure", (fault, criterion, str(found))))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]
    reports.sort(key=lambda report: report.nodeid)  # two processes end their tests in any order
    properties = [each for report in reports if report.when == "call" for each in report.user_properties]
    rows = [tuple(row) for name, row in properties if name == "figure"]
    if not rows:
        return
    terminalreporter.section("faults")
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    for fault, criterion, found in rows:
        terminalreporter.line(f"{fault:{widths[0]}}  {criterion:{widths[1]}}  {found}")
