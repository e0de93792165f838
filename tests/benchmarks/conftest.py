"""The fixture that measures ratios, and the table of them at the end of the run."""

import pytest

from tests.benchmarks.ratios import Benchmark, Ratio, Rivals, table

_RATIOS = pytest.StashKey[list[Ratio]]()


@pytest.fixture
def rivals(benchmark: Benchmark, request: pytest.FixtureRequest) -> Rivals:
    """A benchmark that times one statement against another."""
    return Rivals(benchmark, request.config.stash.setdefault(_RATIOS, []))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the table of measured ratios, if there are any."""
    measured: list[Ratio] = config.stash.get(_RATIOS, [])
    terminalreporter.write(table(measured))
