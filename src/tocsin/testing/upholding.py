"""A law, upheld or broken."""

from collections.abc import Callable

from hypothesis import HealthCheck, settings

from tocsin.core.messages.text import describe


def uphold(holds: Callable[[], bool], broken: Callable[[], str]) -> None:
    """Raise an AssertionError, in the words of ``broken``, where the law does not hold, or what it asks raises."""
    try:
        held = holds()
    except Exception as error:
        raise AssertionError(f"{broken()}; it raised {describe(error)}") from error
    if not held:
        raise AssertionError(broken())


def limited(examples: int) -> settings:
    """As many examples, however long they take; and one error for the first law that is broken."""
    slow = (HealthCheck.too_slow,)
    return settings(max_examples=examples, deadline=None, database=None, report_multiple_bugs=False, suppress_health_check=slow)
