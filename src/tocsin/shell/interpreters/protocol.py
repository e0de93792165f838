"""What an interpreter is: the one thing that acts on an effect, and says how it went."""

import inspect
from typing import Literal, Protocol, TypeGuard

import attrs
from returns.io import IOResult
from returns.pipeline import is_successful
from returns.unsafe import unsafe_perform_io

from tocsin.core.effects import Effect
from tocsin.core.messages.text import describe, name_of, quote
from tocsin.core.outcomes import DeliveryError, Outcome, Receipt, Rejected, received, refused
from tocsin.shell.adapters.redaction import redact

Notify = Literal["live", "print", "none"]
"""What child processes are to do with their notifications."""


class Interpreter(Protocol):
    """Executes an effect, or shows it, or keeps it. It returns its outcome and raises nothing. Interpreters wrap interpreters.

    One that has an attribute ``notify`` ("live", "print", "none") says by it what child processes are to do; without, they print.
    """

    def __call__(self, effect: Effect, /) -> IOResult[Receipt, DeliveryError]:
        """Act on the effect."""
        ...


@attrs.frozen
class Delivery:
    """An effect, and what became of it."""

    effect: Effect
    outcome: Outcome


def outcome_of(result: IOResult[Receipt, DeliveryError]) -> Outcome:
    """The outcome inside an interpreter's answer, as a plain union."""
    if is_successful(result):
        return unsafe_perform_io(result.unwrap())
    return unsafe_perform_io(result.failure())


def checked(given: Interpreter) -> Interpreter:
    """The interpreter, if it is one; else a TypeError that says what to write."""
    if isinstance(given, type):
        raise TypeError(f"an interpreter is needed, not the class {given.__name__}: write {given.__name__}()")
    if not callable(given):
        raise TypeError(f"an interpreter is needed, and {quote(given)} is none: write DryRun(), Recording() or Live()")
    return given


def execute(interpreter: Interpreter, effect: Effect) -> Outcome:
    """The outcome of the effect. Raises nothing: an interpreter that raises, against its promise, has rejected it."""
    name = name_of(interpreter if inspect.isroutine(interpreter) else type(interpreter))
    try:
        outcome: object = outcome_of(interpreter(effect))
    except Exception as error:
        return Rejected(redact(f"the interpreter {name} raised {describe(error)}"))
    if _is_outcome(outcome):
        return outcome
    return Rejected(redact(f"the interpreter {name} answered {quote(outcome)}, which is no outcome"))


def _is_outcome(value: object) -> TypeGuard[Outcome]:
    return isinstance(value, Outcome)


def result_of(outcome: Outcome) -> IOResult[Receipt, DeliveryError]:
    """The outcome as an interpreter answers it."""
    return received(outcome) if isinstance(outcome, Receipt) else refused(outcome)


def notify_of(interpreter: Interpreter) -> Notify:
    """What child processes of one that runs under this interpreter are to do: never to send by accident."""
    said: object = getattr(interpreter, "notify", "print")
    return "live" if said == "live" else "none" if said == "none" else "print"
