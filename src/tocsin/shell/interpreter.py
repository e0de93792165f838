"""The interpreter protocol, and the bases of tocsin's own interpreters. An interpreter executes an effect and returns its outcome.

- Inside, outcomes are plain: ``perform`` returns one. At the public door, a call wraps it in an ``IOResult``.
- ``execute`` and ``hand_over`` call any interpreter, and raise nothing.
- Interpreters wrap interpreters: ``Wrapper`` is the base of those that do, ``Queueing`` of those that answer before they send.
- ``may_ask`` decides whether an interpreter is asked while the environment forbids to send. ``withhold`` answers in its place.
"""

import inspect
import sys
from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Protocol, TextIO, TypeGuard
from weakref import WeakSet, ref

import attrs
from returns.io import IOResult
from returns.pipeline import is_successful
from returns.unsafe import unsafe_perform_io
from typing_extensions import override

from tocsin.core.delivery.rendering import redacted_message
from tocsin.core.effects import CallBack, Effect, shown
from tocsin.core.outcomes import DeliveryError, Outcome, Receipt, Rejected, Shown, Withheld
from tocsin.core.text import cut, describe, name_of, one_line, printable, quote
from tocsin.shell import environment
from tocsin.shell.environment import Notify
from tocsin.shell.log import once
from tocsin.shell.redaction import redact

OnSettled = Callable[[Outcome], None]
"""Takes the final outcome of a message."""


class Interpreter(Protocol):
    """Executes, prints or records an effect. It returns the outcome and raises nothing.

    Your own interpreter may return a plain outcome; those of tocsin wrap it in an ``IOResult``. Its attribute ``notify`` tells what it
    does with notifications: "live" for one that sends, "print" or "none" for one that sends nothing. Without the attribute, it counts
    as one that sends, and child processes print. While ``TOCSIN_NOTIFY`` is ``print`` or ``none``, one that sends is not asked.
    """

    def __call__(self, effect: Effect, /) -> IOResult[Receipt, DeliveryError] | Outcome:
        """Execute the effect and return its outcome."""
        ...


class Performer:
    """The base of tocsin's interpreters: ``perform`` executes an effect."""

    __slots__ = ()

    @abstractmethod
    def perform(self, effect: Effect, /) -> Outcome:
        """Execute the effect and return its outcome."""

    def parts(self) -> tuple[Interpreter, ...]:
        """Return the interpreters that it passes effects on to."""
        return ()

    def __call__(self, effect: Effect, /) -> IOResult[Receipt, DeliveryError]:
        """Execute the effect and return its outcome."""
        return result_of(self.perform(effect))


class Queueing(Performer):
    """An interpreter whose outcome may become final later: it answers ``Queued`` first."""

    __slots__ = ()

    @abstractmethod
    def submit(self, effect: Effect, on_settled: OnSettled, /) -> Outcome:
        """Take the effect. ``on_settled`` gets its final outcome once: now, or later in another thread."""

    @override
    def perform(self, effect: Effect, /) -> Outcome:
        """Take the effect."""
        return self.submit(effect, ignore_outcome)

    @override
    def __call__(self, effect: Effect, /) -> IOResult[Receipt, DeliveryError]:  # without the call of ``perform`` for each message
        """Take the effect, and return the outcome so far."""
        return result_of(self.submit(effect, ignore_outcome))


class Batching:
    """An interpreter that takes several effects at once and may fold them into fewer messages."""

    __slots__ = ()

    @abstractmethod
    def batch(self, effects: Sequence[Effect], /) -> Sequence[Outcome]:
        """Execute the effects, which are in order and have one destination. Return the outcome of each. Raises nothing."""


@attrs.frozen
class Delivery:
    """An effect and its outcome."""

    effect: Effect
    outcome: Outcome


def checked(given: Interpreter) -> Interpreter:
    """Return the given interpreter. Raise TypeError, which says what to write, if it is none."""
    if isinstance(given, type):
        raise TypeError(f"an interpreter is needed, not the class {given.__name__}: write {given.__name__}()")
    if inspect.isfunction(given) and given.__module__ == "tocsin.shell.reliable":
        raise TypeError("an interpreter is needed, and reliable makes one: write reliable()")
    if not callable(given):
        raise TypeError(f"an interpreter is needed, and {quote(given)} is none: write DryRun(), Recording() or Live()")
    return given


def inner(given: Interpreter) -> Interpreter:
    """Return the interpreter for another one to wrap. Raise TypeError for a ``Queueing`` or ``Batching`` one."""
    wrapped = inner_of_background(given)
    if isinstance(wrapped, Batching):
        name = type(wrapped).__name__
        raise TypeError(f"{name} folds waiting messages, and none wait inside of this: write Background({name}(Retrying(...)))")
    return wrapped


def inner_of_background(given: Interpreter) -> Interpreter:
    """Return the interpreter for a queueing one to wrap. Raise TypeError only for another ``Queueing`` one."""
    wrapped = checked(given)
    if isinstance(wrapped, Queueing):
        name = type(wrapped).__name__
        raise TypeError(f"{name} answers before the outcome is known, so it comes outermost: write {name}(Retrying(...))")
    return wrapped


def notify_of(interpreter: Interpreter) -> Notify:
    """Return what child processes under this interpreter do: print, unless it says otherwise, so that none sends by accident."""
    return _declared(interpreter) or "print"


def _declared(interpreter: Interpreter) -> Notify | None:
    """Return what the interpreter says in ``notify``; None if that is none of the three words."""
    try:
        mode: object = getattr(interpreter, "notify", None)
        return "live" if mode == "live" else "none" if mode == "none" else "print" if mode == "print" else None
    except Exception:
        return None


def _leaves(interpreter: Interpreter) -> Iterator[Interpreter]:
    """Yield the interpreters that effects end at, through those that pass them on."""
    parts = interpreter.parts() if isinstance(interpreter, Performer) else ()
    if not parts:
        yield interpreter
    for part in parts:
        yield from _leaves(part)


_OURS = "tocsin."  # the beginning of the names of tocsin's modules


def _sends(leaf: Interpreter) -> bool:
    return _declared(leaf) not in {"print", "none"}


def sends(interpreter: Interpreter) -> bool:
    """Return whether the interpreter may send for real."""
    return any(_sends(leaf) for leaf in _leaves(interpreter))


def may_ask(interpreter: Interpreter) -> bool:
    """Return whether the interpreter may be asked: not one of a user's that may send while the environment forbids it.

    Those of tocsin are always asked, but not subclasses of a user's, which may send by themselves. Effects that they pass on come here
    again, and ``Live`` withholds them by itself.
    """
    return type(interpreter).__module__.startswith(_OURS) or environment.override() is None or not sends(interpreter)


def is_idle(interpreter: Interpreter) -> bool:
    """Return whether the environment forbids to send, and the interpreter does nothing else: all its effects are withheld at once."""
    return environment.override() is not None and all(_sends(leaf) for leaf in _leaves(interpreter))


def withhold(effect: Effect) -> Receipt:
    """Print or drop the effect, as the environment asks. Log an unknown value of its variable once."""
    if environment.override() == "print":
        return show(effect)
    error = environment.misspelt()
    if error is None:
        return Withheld(f"{environment.NAME}=none says so")
    once(f"{error}: nothing is sent")
    return Withheld(error)


def show(effect: Effect, file: TextIO | None = None) -> Receipt:
    """Print the effect to ``file``; None means the standard output at that time."""
    file = sys.stdout if file is None else file
    if file is None:  # a service may have none
        return Withheld("there is no standard output to show it on")
    if not isinstance(effect, CallBack):
        effect = redacted_message(effect, redact)  # it may be made by hand
    given: object = getattr(file, "encoding", None)  # what stands for a file, such as Celery's logger, may have none
    encoding = given if isinstance(given, str) and given else "utf-8"
    file.write(f"{printable(shown(effect, redact))}\n".encode(encoding, "backslashreplace").decode(encoding))
    file.flush()
    return Shown()


@attrs.frozen(eq=False)
class Wrapper(Performer):
    """The base of tocsin's interpreters that pass effects on to ``inner``."""

    inner: Interpreter = attrs.field(converter=inner)

    @property
    def notify(self) -> Notify:
        """What child processes do with notifications: as the inner interpreter says."""
        return notify_of(self.inner)

    @override
    def parts(self) -> tuple[Interpreter, ...]:
        return (self.inner,)


def execute(interpreter: Interpreter, effect: Effect) -> Outcome:
    """Execute the effect and return its outcome. Raises nothing: if the interpreter raises, the outcome is ``Rejected``."""
    try:
        if not may_ask(interpreter):
            return withhold(effect)
        if isinstance(interpreter, Performer) and type(interpreter).__call__ is Performer.__call__:
            outcome: object = interpreter.perform(effect)  # a user's subclass with a call of its own is called
        else:
            answer: object = interpreter(effect)
            outcome = outcome_of(answer) if _is_result(answer) else answer
        if isinstance(outcome, Outcome):
            return outcome
    except Exception as error:
        return Rejected(redact(f"the interpreter {_name(interpreter)} raised {describe(error)}"))
    return Rejected(f"the interpreter {_name(interpreter)} answered {_shown(outcome)}, which is no outcome: return Delivered()")


def _name(interpreter: Interpreter) -> str:
    return name_of(interpreter if inspect.isroutine(interpreter) else type(interpreter))


def _shown(value: object) -> str:
    return cut(one_line(redact(quote(value))), 200)


def ignore_outcome(_: Outcome) -> None:
    """Do nothing: an ``on_settled`` callback for callers that need no final outcome."""


class Awaiting:
    """An ``on_settled`` callback that keeps the final outcome for whoever refers to it, and passes it on to ``then``."""

    __slots__ = ()

    then: OnSettled

    @abstractmethod
    def note(self, outcome: Outcome) -> None:
        """Keep the final outcome."""

    @abstractmethod
    def __call__(self, outcome: Outcome) -> None:
        """Keep the final outcome, and pass it on."""


@attrs.frozen(eq=False)
class _Loosely:
    """Passes the outcome to an ``Awaiting`` callback if it still exists, and to ``then`` in any case."""

    awaiting: "ref[Awaiting]"
    then: OnSettled

    def __call__(self, outcome: Outcome) -> None:
        """Pass the outcome on."""
        awaiting = self.awaiting()
        if awaiting is not None:
            awaiting.note(outcome)
        self.then(outcome)


def loosely(on_settled: OnSettled) -> OnSettled:
    """Return a callback that does the same, and keeps no ``Awaiting`` one alive: that may hold a whole message."""
    return _Loosely(ref(on_settled), loosely(on_settled.then)) if isinstance(on_settled, Awaiting) else on_settled


class Waiters:
    """The callbacks of many messages that share one outcome.

    An ``Awaiting`` one is kept only while somebody else refers to it, since it may hold a whole message. A callback that does nothing
    is not kept. So a message whose outcome nobody can ask for takes no memory.
    """

    def __init__(self) -> None:
        self._callbacks: list[OnSettled] = []
        self._awaiting = WeakSet[Awaiting]()

    def add(self, on_settled: OnSettled) -> None:
        """Add a callback, or those of other messages."""
        if isinstance(on_settled, Waiters):
            self._callbacks.extend(on_settled._callbacks)
            self._awaiting.update(on_settled._awaiting)
            return
        while isinstance(on_settled, Awaiting):
            self._awaiting.add(on_settled)
            on_settled = on_settled.then
        if on_settled is not ignore_outcome:
            self._callbacks.append(on_settled)

    def __call__(self, outcome: Outcome) -> None:
        """Pass the outcome to all callbacks. Raises nothing."""
        for awaiting in self._awaiting:
            awaiting.note(outcome)
        for callback in self._callbacks:
            with suppress(Exception):
                callback(outcome)


def together(callbacks: Sequence[OnSettled]) -> Waiters:
    """Return callbacks as one. If the first one is already of many messages, it takes in the others: they are not copied each time."""
    first, *others = callbacks
    whole = first if isinstance(first, Waiters) else Waiters()
    for callback in others if whole is first else callbacks:
        whole.add(callback)
    return whole


def hand_over(interpreter: Interpreter, effect: Effect, on_settled: OnSettled) -> Outcome:
    """Execute or queue the effect and return its outcome so far; ``on_settled`` gets the final one. Raises nothing."""
    if isinstance(interpreter, Queueing) and (type(interpreter).__module__.startswith(_OURS) or may_ask(interpreter)):  # one call less
        return interpreter.submit(effect, on_settled)
    outcome = execute(interpreter, effect)
    on_settled(outcome)
    return outcome


def _is_result(value: object) -> TypeGuard[IOResult[Receipt, DeliveryError]]:
    return isinstance(value, IOResult)


def outcome_of(result: IOResult[Receipt, DeliveryError] | Outcome) -> Outcome:
    """Return the outcome in an interpreter's answer as a plain union."""
    if isinstance(result, Outcome):
        return result
    if is_successful(result):
        return unsafe_perform_io(result.unwrap())
    return unsafe_perform_io(result.failure())


_constants: dict[int, IOResult[Receipt, DeliveryError]] = {}


def constant(receipt: Receipt) -> Receipt:
    """Return the receipt, which must exist as long as the process. Its answer is made once: making one costs more than a queue does."""
    _constants[id(receipt)] = IOResult.from_value(receipt)
    return receipt


def result_of(outcome: Outcome) -> IOResult[Receipt, DeliveryError]:
    """Return the outcome as an interpreter's answer."""
    known = _constants.get(id(outcome))
    if known is not None:
        return known
    return IOResult.from_value(outcome) if isinstance(outcome, Receipt) else IOResult.from_failure(outcome)
