"""What an interpreter is: the one thing that acts on an effect, and says how it went."""

import inspect
from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Literal, Protocol, TypeGuard

import attrs
from returns.io import IOResult
from returns.pipeline import is_successful
from returns.unsafe import unsafe_perform_io

from tocsin.core.effects import Effect
from tocsin.core.messages.text import cut, describe, name_of, one_line, quote
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


class Queueing:
    """An interpreter that may say later how it went: it answers ``Queued`` now."""

    __slots__ = ()

    @abstractmethod
    def submit(self, effect: Effect, on_settled: Callable[[Outcome], None], /) -> Outcome:
        """Take the effect. Whatever becomes of it in the end is told to ``settled``, once: now, or later in another thread."""


class Batching:
    """An interpreter that can take several effects at once, and make fewer messages of them."""

    __slots__ = ()

    @abstractmethod
    def batch(self, effects: Sequence[Effect], /) -> Sequence[Outcome]:
        """Act on the effects, which are in order and go to one destination: the outcome of each. Raises nothing."""


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
    if inspect.isfunction(given) and given.__module__ == "tocsin.shell.interpreters.reliable":
        raise TypeError("an interpreter is needed, and reliable makes one: write reliable()")
    if not callable(given):
        raise TypeError(f"an interpreter is needed, and {quote(given)} is none: write DryRun(), Recording() or Live()")
    return given


def inner(given: Interpreter) -> Interpreter:
    """The interpreter that another one wraps. A TypeError says where one that answers later, or that takes what waits, has to be."""
    wrapped = inner_of_background(given)
    if isinstance(wrapped, Batching):
        name = type(wrapped).__name__
        raise TypeError(f"{name} takes what waits, and nothing waits inside of this: write Background({name}(Retrying(...)))")
    return wrapped


def inner_of_background(given: Interpreter) -> Interpreter:
    """The interpreter inside one that has effects wait for it: only one that answers later is refused, by a TypeError."""
    wrapped = checked(given)
    if isinstance(wrapped, Queueing):
        name = type(wrapped).__name__
        raise TypeError(f"{name} answers before it is known how it went, so it comes outermost: write {name}(Retrying(...))")
    return wrapped


def execute(interpreter: Interpreter, effect: Effect) -> Outcome:
    """The outcome of the effect. Raises nothing: an interpreter that raises, against its promise, has rejected it."""
    name = name_of(interpreter if inspect.isroutine(interpreter) else type(interpreter))
    try:
        answer: object = interpreter(effect)
        outcome: object = outcome_of(answer) if _is_result(answer) else None
    except Exception as error:
        return Rejected(redact(f"the interpreter {name} raised {describe(error)}"))
    if _is_outcome(outcome):
        return outcome
    wrong = f"{_shown(outcome)}, which is no outcome" if _is_result(answer) else f"{_shown(answer)}, which is no IOResult"
    return Rejected(redact(f"the interpreter {name} answered {wrong}: write return IOResult.from_value(Delivered())"))


def _shown(value: object) -> str:
    return cut(one_line(quote(value)), 200)


def ignore_outcome(_: Outcome) -> None:
    """For those who do not want to know what became of an effect."""


def hand_over(interpreter: Interpreter, effect: Effect, on_settled: Callable[[Outcome], None]) -> Outcome:
    """The outcome of the effect, as far as it is known; what becomes of it in the end is told to ``settled``. Raises nothing."""
    if isinstance(interpreter, Queueing):
        return interpreter.submit(effect, on_settled)
    outcome = execute(interpreter, effect)
    on_settled(outcome)
    return outcome


def _is_result(value: object) -> TypeGuard[IOResult[Receipt, DeliveryError]]:
    return isinstance(value, IOResult)


def _is_outcome(value: object) -> TypeGuard[Outcome]:
    return isinstance(value, Outcome)


def result_of(outcome: Outcome) -> IOResult[Receipt, DeliveryError]:
    """The outcome as an interpreter answers it."""
    return received(outcome) if isinstance(outcome, Receipt) else refused(outcome)


def notify_of(interpreter: Interpreter) -> Notify:
    """What child processes of one that runs under this interpreter are to do: never to send by accident."""
    said: object = getattr(interpreter, "notify", "print")
    return "live" if said == "live" else "none" if said == "none" else "print"
