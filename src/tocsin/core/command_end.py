"""What a command's end means, and whether a list of states has it: all that a run with nothing to tell must know.

It imports nothing, since ``tocsin exec`` stands before each line of a crontab, and most of these end well and tell nobody. Kinds of
states are names here. ``endings`` and ``options`` decide the same of classes, and a law holds both together.
"""

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Container
    from typing import Literal

    EndKind = Literal["Success", "Failed", "TimedOut", "Aborted"]

PARENTS: "dict[str, frozenset[str]]" = {
    "Running": frozenset({"Running", "State"}),
    "Success": frozenset({"Success", "Finished", "State"}),
}
"""The kinds that a run without a failure enters: of each, itself and what it is a kind of."""

USUAL: tuple[str, ...] = ("Finished",)
"""The states of which the configured notifiers tell, unless more is said."""


def kind_of_end(status: int, *, timed_out: bool, is_fault: bool, is_stopped: bool, expected: "Container[int]") -> "EndKind":
    """Return the kind of state in which a command ends.

    Args:
        status: its exit status.
        timed_out: whether it exceeded its time limit.
        is_fault: whether it could not be started.
        is_stopped: whether it was asked to end.
        expected: the exit statuses of a success.

    >>> kind_of_end(3, timed_out=False, is_fault=False, is_stopped=False, expected={0})
    'Failed'
    """
    if timed_out:
        return "TimedOut"
    if is_fault:
        return "Failed"
    if status in expected:
        return "Success"
    return "Aborted" if is_stopped else "Failed"


def is_told(kind: str, only: tuple[str, ...], ignore: tuple[str, ...]) -> bool:
    """Return whether people are told of one of ``PARENTS``, if they are told only of some states, or are not told of some.

    >>> is_told("Success", ("Failed",), ()), is_told("Success", (), ("Success",)), is_told("Success", (), ())
    (False, False, True)
    """
    kinds = PARENTS[kind]
    return not kinds.isdisjoint(only or USUAL) and kinds.isdisjoint(ignore)
