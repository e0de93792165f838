"""Durations as people write them: ``30s``, ``5min``, ``1h30m``, ``2 weeks``. All commands and options take these forms."""

import re

_NUMBER = r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)"  # compiled only if a duration is given
_UNIT = r"(ms|s(?:ecs?|econds?)?|m(?:ins?|inutes?)?|h(?:rs?|ours?)?|d(?:ays?)?|w(?:eeks?)?)"
_PART = rf"{_NUMBER} ?{_UNIT} ?"
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}


def seconds_of(text: str, *, bare: bool = False) -> float | None:
    """Return the seconds that a duration has; None for any other text. With ``bare``, a number without a unit is seconds.

    >>> seconds_of("1h30m"), seconds_of("500 ms"), seconds_of("90", bare=True), seconds_of("90"), seconds_of("a week")
    (5400.0, 0.5, 90.0, None, None)
    """
    if bare and re.fullmatch(_NUMBER, text):
        return float(text)
    if not re.fullmatch(f"(?:{_PART})+", text):
        return None
    return sum(float(number) * (0.001 if unit == "ms" else _SECONDS[unit[0]]) for number, unit in re.findall(_PART, text))
