"""The traced handler calls of the original, read from the golden file."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TypedDict

GOLDEN = Path(__file__).parent.parent / "golden" / "handler_calls.json"


class Call(TypedDict, total=False):
    """One call of a handler: both states by class and message."""

    old: str
    new: str
    old_message: str | None
    new_message: str | None
    map_index: int


class Ending(TypedDict):
    """The final state."""

    state: str
    message: str | None


class Case(TypedDict):
    """One traced case."""

    case: str
    calls: list[Call]
    final: Ending | None


def cases(subject: str) -> Mapping[str, Case]:
    """Return the cases of ``task`` or ``flow`` by name."""
    data: Mapping[str, list[Case]] = json.loads(GOLDEN.read_text())
    return {case["case"]: case for case in data[subject]}
