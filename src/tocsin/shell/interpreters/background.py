"""``Background``: sends messages in the background, so that a slow destination does not slow down the work.

- A message enters the queue of its destination and is ``Queued``; its outcome is final later. A call of a user function is not queued:
  it is made at once.
- The queue is bounded. When it is full, its messages are folded into a digest; nothing is dropped.
- A child process that was forked, or that multiprocessing started, sends synchronously by default, since many such end without notice.
  A message then takes at most ``exit_timeout`` seconds.
- If an event loop runs in the thread, a message is always queued.
- If the environment asks for a dry run or for silence, what would be sent is not queued: printed messages stay in order. An inner
  interpreter that sends nothing is queued for as ever.
"""

import sys
import time
from contextvars import copy_context
from typing import Literal

import attrs
from typing_extensions import override

from tocsin.core.delivery.destinations import destination
from tocsin.core.effects import CallBack, Effect
from tocsin.core.outcomes import DeliveryError, Outcome, Queued, Retryable
from tocsin.core.text import quote
from tocsin.shell import environment, queues
from tocsin.shell.adapters import settings, time_limits
from tocsin.shell.destination_queue import QueuedMessage
from tocsin.shell.interpreter import Interpreter, OnSettled, Queueing, Wrapper, constant, execute, inner_of_background, is_idle

AfterFork = Literal["wait", "queue"]

_QUEUED = constant(Queued("a background thread"))


def _max_queue(_: object, attribute: "attrs.Attribute[int]", value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"{attribute.name} is how many messages may wait for one destination, 1 or more, not {quote(value)}")


def _after_fork(_: object, attribute: "attrs.Attribute[AfterFork]", value: object) -> None:
    if value not in {"wait", "queue"}:
        raise ValueError(f"{attribute.name} is 'wait' or 'queue', not {quote(value)}")


@attrs.frozen(eq=False)
class Background(Queueing, Wrapper):
    """Queues messages; one thread for each destination sends them by ``inner``.

    Args:
        inner: the interpreter that sends them.
        max_queue: the number of messages that may wait for one destination before they are folded into a digest.
        exit_timeout: seconds that the program waits for them at exit.
        after_fork: what a forked or multiprocessing child does: "wait" for each message, or "queue" it as its parent does.

    Raises:
        TypeError, ValueError: an option is invalid.

    >>> from tocsin import Failed, Recording, Running, Task, flush, interpreting, slack_notifier
    >>> recording = Recording()
    >>> with interpreting(Background(recording)):
    ...     state = slack_notifier(Task("load"), Running(), Failed("disk full"))
    >>> flush()
    True
    >>> len(recording.effects)
    1
    """

    inner: Interpreter = attrs.field(converter=inner_of_background)
    max_queue: int = attrs.field(default=1000, kw_only=True, validator=_max_queue)
    exit_timeout: float = attrs.field(default=queues.EXIT_TIMEOUT, kw_only=True, validator=settings.seconds)
    after_fork: AfterFork = attrs.field(default="wait", kw_only=True, validator=_after_fork)

    @override
    def submit(self, effect: Effect, on_settled: OnSettled, /) -> Outcome:
        """Queue or execute the effect; ``on_settled`` gets its final outcome, once."""
        where = destination(effect)
        at_once = (environment.override() is not None and is_idle(self.inner)) or (
            self.after_fork == "wait" and queues.is_child() and not in_event_loop()
        )
        if isinstance(effect, CallBack) or where is None or at_once:
            return self._now(effect, on_settled)
        entry = QueuedMessage(effect, on_settled, copy_context())
        result = queues.put(self.inner, where, self.max_queue, self.exit_timeout, entry)
        if result == "queued":
            return _QUEUED
        if result == "closed":
            return self._now(effect, on_settled)
        full = Retryable(f"{self.max_queue:,} messages to as many audiences wait for {where} already")
        on_settled(full)
        return full

    def close(self) -> None:
        """Send the messages that wait, for at most ``exit_timeout`` seconds. Those that are left are reported and stay queued.

        A program need not call it: the messages are sent in the background, and at exit.
        """
        queues.flush_of(self.inner, self.exit_timeout)

    def _now(self, effect: Effect, on_settled: OnSettled) -> Outcome:
        began = time.monotonic()
        with time_limits.with_deadline(began + self.exit_timeout):
            outcome = execute(self.inner, effect)
        if isinstance(outcome, DeliveryError):
            queues.lose(time.monotonic() - began)
        on_settled(outcome)
        return outcome


def in_event_loop() -> bool:
    """Return whether an event loop runs in this thread. It does not import asyncio."""
    asyncio = sys.modules.get("asyncio")
    if asyncio is None:
        return False
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
