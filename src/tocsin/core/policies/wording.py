"""Streaks in words."""

from tocsin.core.streaks import Streak


def ordinal(number: int) -> str:
    """A number that says which: ``1st``, ``2nd``, ``3rd``, ``11th``.

    >>> ordinal(1), ordinal(12), ordinal(23), ordinal(1112)
    ('1st', '12th', '23rd', '1,112th')
    """
    ending = "th" if number % 100 in {11, 12, 13} else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number:,}{ending}"


def counted(streak: Streak) -> str:
    """The end of a run, and which it is of its kind: ``the 3rd failure in a row``."""
    noun = "failure" if streak.failed else "success"
    return f"a {noun}" if streak.length == 1 else f"the {ordinal(streak.length)} {noun} in a row"


def end(before: Streak, now: Streak) -> str:
    """The end of a run, and what came before it: ``a failure after 2 successes in a row``, ``the 3rd failure in a row``."""
    return f"{counted(now)} {since(before)}" if now.length == 1 else counted(now)


def since(streak: Streak) -> str:
    """What came before: ``after 3 failures in a row``, ``after a success``, ``with nothing known of earlier runs``."""
    if streak.failed is None:
        return "with nothing known of earlier runs"
    if streak.length == 1:
        return "after a failure" if streak.failed else "after a success"
    return f"after {streak.length:,} {'failures' if streak.failed else 'successes'} in a row"
