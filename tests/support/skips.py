"""In CI a skipped test is a failed one: nothing is green because it did not run."""

import os
from collections.abc import Generator

import pytest

BESIDE = ("shared/data", "shared/seeds")  # what only some checkouts have beside them
IN_CI = os.environ.get("CI", "").lower() not in {"", "0", "false"}


def refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Turn a skip into a failure, except one for data that only some checkouts have beside them."""
    reason = str(report.longrepr)
    if IN_CI and report.outcome == "skipped" and not any(place in reason for place in BESIDE):
        report.outcome = "failed"
        vars(report).pop("wasxfail", None)  # pytest counts no failure that was announced
        report.longrepr = f"skipped, which CI does not allow: {reason}"


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    refuse_skip(report)
    return report
