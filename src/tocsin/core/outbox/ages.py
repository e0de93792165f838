"""How old something is to be, as people write it: a whole number and a unit."""

import re
from datetime import timedelta

_AGE = re.compile(r"([0-9]{1,6})([smhdw])", re.ASCII)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def age(text: str) -> timedelta | None:
    """The age that somebody wrote; None where it is none.

    >>> age("7d"), age("90m"), age("a week")
    (datetime.timedelta(days=7), datetime.timedelta(seconds=5400), None)
    """
    found = _AGE.fullmatch(text.strip())
    return None if found is None else timedelta(**{_UNITS[found[2]]: int(found[1])})
