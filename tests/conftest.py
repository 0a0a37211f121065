"""Fixtures for all tests, and the rule that in CI a missing service is a failure, not a skip."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Before anything loads torch: test processes share the machine's few cores.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")
# torch, scikit-learn, LightGBM and kglite in one process need more room for thread-local storage
# than the C library sets aside; it reads this when a process starts, so it helps the workers of
# "pytest -n". The product never loads all of them in one process.
os.environ.setdefault("GLIBC_TUNABLES", "glibc.rtld.optional_static_tls=16384")

# How long an example takes says more of the machine than of the code. In CI hypothesis has a
# profile of its own, which says so as well and draws the same examples every time.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
if not os.environ.get("CI"):
    settings.load_profile("unhurried")

# What is tested here are processes and servers with their clocks, two tests at a time. A machine
# that stops for seconds makes one of thousands fail, so that one that fails is tried once more; the
# summary names it (RERUN), with what the first attempt said, for whoever wants to mend it. What is
# computed gets no second attempt.
_WITH_PROCESSES = ("integration", "unit/endpoint", "unit/predictions", "unit/serving")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let tests of processes be tried twice."""
    folders = [Path(__file__).parent / folder for folder in _WITH_PROCESSES]
    for item in items:
        if any(item.path.is_relative_to(folder) for folder in folders):
            item.add_marker(pytest.mark.flaky(reruns=1))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show why first attempts failed."""
    for report in terminalreporter.getreports("rerun"):
        terminalreporter.section(f"first attempt of {report.nodeid}")
        terminalreporter.line(report.longreprtext)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skip for want of a service into a failure when ``CI`` is set."""
    report = yield
    if report.skipped and os.environ.get("CI") and item.get_closest_marker("service"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, and CI allows no skip for want of a service"
    return report


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests must not see or touch what the developer has configured."""
    for name in list(os.environ):
        if name.startswith("AMODELS_") and name != "AMODELS_UPDATE_SCREENSHOTS":
            monkeypatch.delenv(name)
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
