"""A law, upheld or broken."""

from collections.abc import Callable

from hypothesis import HealthCheck, Phase, settings
from hypothesis.errors import FlakyFailure

from tocsin.core.messages.text import describe


def uphold(holds: Callable[[], bool], broken: Callable[[], str]) -> None:
    """Raise an AssertionError, in the words of ``broken``, where the law does not hold, or what it asks raises."""
    try:
        held = holds()
    except Exception as error:
        raise AssertionError(f"{broken()}; it raised {describe(error)}") from error
    if not held:
        raise AssertionError(broken())


def attempt(check: Callable[[], None]) -> None:
    """Run a check. A law that is broken at one time and holds at another is broken."""
    try:
        check()
    except FlakyFailure as flaky:
        raise AssertionError(f"{flaky.exceptions[0]}; and at another time it held") from flaky


def limited(examples: int) -> settings:
    """As many examples, however long they take; and one error for the first law that is broken, shrunk."""
    return settings(
        max_examples=examples,
        deadline=None,
        database=None,
        report_multiple_bugs=False,
        phases=[Phase.explicit, Phase.generate, Phase.shrink],  # to explain takes longer than all the rest
        suppress_health_check=[HealthCheck.too_slow],
    )
