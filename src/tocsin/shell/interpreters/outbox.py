"""Keeps messages in a database until they are sent, so that none is lost where the process dies between deciding and telling.

- A message is committed to disk before anything else is done with it, in the caller's line, and is ``Queued``. From then on it is sent
  in the background, by this process or by whatever process drains that outbox next, and tried again for a day.
- A call of somebody's function cannot be kept: it is made there and then.
- Where the outbox cannot be written, messages are sent in the background without it, and the log says why: an outbox that fails is no
  reason to be silent.
- Where an event loop runs in the thread, it waits for a commit no longer than a fifth of a second; a slower one goes on beside it.
- Where the environment asks for a dry run, or for silence, that is done in line, and nothing is kept or drained.
"""

import threading
from collections.abc import Sequence
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, NoReturn

import attrs
from returns.io import IOResult
from typing_extensions import override

from tocsin.core.delivery.retry import RetryPolicy
from tocsin.core.effects import CallBack, Effect, Message
from tocsin.core.messages.text import quote
from tocsin.core.outbox.state_machine import POLICY
from tocsin.core.outcomes import DeliveryError, Outcome, Queued, Receipt, received
from tocsin.shell import environment, queues
from tocsin.shell.adapters import settings
from tocsin.shell.destination_queue import OnSettled
from tocsin.shell.interpreters.background import Background, in_event_loop
from tocsin.shell.interpreters.base import Batching, Interpreter, Notify, Queueing, execute, ignore_outcome, inner, notify_of, result_of
from tocsin.shell.interpreters.digest import Digest, check_min_interval, check_threshold
from tocsin.shell.outbox.errors import OutboxError

if TYPE_CHECKING:
    from tocsin.shell.outbox.client import OutboxClient

_QUEUED = Queued("the outbox")
_ANSWER = received(_QUEUED)  # made once, since it is the answer to most
_ON_ITS_WAY = Queued("memory, on its way to the outbox")
_IN_LOOP = 0.2  # seconds that an event loop waits for a commit
_FAR = 10.0  # seconds that anybody waits for one on a server: it may be reached, and not answer


def _policy(_: object, __: object, value: object) -> None:
    if not isinstance(value, RetryPolicy):
        raise TypeError(f"policy is a RetryPolicy, not {quote(value)}: write Outbox(..., policy=RetryPolicy(attempts=500))")


def _inner(given: Interpreter) -> Interpreter:
    if isinstance(given, Digest):
        raise TypeError("an Outbox folds what waits by itself, across processes: write Outbox(Retrying(...)), without the Digest")
    return inner(given)


def _keeper(outbox: "Outbox") -> "OutboxClient":
    try:
        from tocsin.shell.outbox.client import OutboxClient
    except ModuleNotFoundError as missing:
        absent = missing.name
    else:
        return OutboxClient(
            outbox.url,
            outbox.inner,
            policy=outbox.policy,
            threshold=outbox.threshold,
            min_interval=outbox.min_interval,
            lease=outbox.lease,
            exit_timeout=outbox.exit_timeout,
        )
    raise OutboxError(f"the outbox needs the extra: pip install 'tocsin[outbox]' ({absent} is not installed)")


def _aside(outbox: "Outbox") -> Background:
    """What sends where the outbox cannot be written."""
    return Background(Digest(outbox.inner, outbox.threshold, outbox.min_interval), exit_timeout=outbox.exit_timeout)


@attrs.frozen(eq=False)
class Outbox(Queueing, Batching):
    """Commits messages to a database, and has them sent by ``inner`` from there.

    Args:
        inner: what sends, one message at a time. What waits for the same people is folded here, across processes: ``Digest`` inside
            is a TypeError, as is what answers later.
        url: the database: None for a file in the user's state folder, ``sqlite:////var/lib/app/outbox.sqlite`` for another one,
            ``postgresql://user@host/name`` for many machines.
        policy: how often a message is tried, and for how long, by whatever process.
        threshold: how many waiting messages to the same people go singly; where more wait, they are folded into one.
        min_interval: how many seconds lie at least between two digests to the same people, unless somebody is in a hurry.
        lease: after how many seconds a message that some process took to send it is sent by another one.
        exit_timeout: how long the program waits at its end for what it put in, in seconds. What is left then stays in the outbox.

    Raises:
        TypeError, ValueError: when composed, of an option that makes no sense. ``OutboxError``, a ValueError, where the URL is none, or
            the extra ``tocsin[outbox]`` is not installed.

    >>> import tempfile
    >>> from tocsin import Failed, Recording, Running, Task, flush, interpreting, slack_notifier
    >>> recording, folder = Recording(), tempfile.TemporaryDirectory()
    >>> outbox = Outbox(recording, f"sqlite:///{folder.name}/outbox.sqlite")
    >>> with interpreting(outbox):
    ...     state = slack_notifier(Task("load"), Running(), Failed("disk full"))
    >>> flush()
    True
    >>> recording.effects[0].payload.fallback
    'load failed: disk full'
    >>> outbox.close()
    >>> folder.cleanup()
    """

    inner: Interpreter = attrs.field(converter=_inner)
    url: str | None = attrs.field(default=None, repr=False)
    policy: RetryPolicy = attrs.field(default=POLICY, kw_only=True, validator=_policy)
    threshold: int = attrs.field(default=10, kw_only=True, validator=check_threshold)
    min_interval: float = attrs.field(default=10.0, kw_only=True, validator=check_min_interval)
    lease: float = attrs.field(default=60.0, kw_only=True, validator=settings.seconds)
    exit_timeout: float = attrs.field(default=queues.EXIT_TIMEOUT, kw_only=True, validator=settings.seconds)
    _kept: "OutboxClient" = attrs.field(init=False, repr=False, default=attrs.Factory(_keeper, takes_self=True))
    _unkept: Background = attrs.field(init=False, repr=False, default=attrs.Factory(_aside, takes_self=True))

    @property
    def notify(self) -> Notify:
        """What child processes are to do: what the inner interpreter says."""
        return notify_of(self.inner)

    @property
    def place(self) -> str:
        """Where the outbox is, without a password."""
        return self._kept.place

    def attend(self) -> None:
        """Send in the background what an earlier process left. A message that is put in does so by itself."""
        self._kept.attend()

    def close(self) -> None:
        """Send no more, and close the database. What is left stays in it, also what is put in from now on, for others to send.

        What is being sent has ``exit_timeout`` seconds to end, and is not tried again. A program that keeps its outbox until it ends
        need not close it.
        """
        self._kept.close()

    def __call__(self, effect: Effect, /) -> IOResult[Receipt, DeliveryError]:
        """Keep the effect, and have it sent."""
        outcome = self.submit(effect, ignore_outcome)
        return _ANSWER if outcome is _QUEUED else result_of(outcome)

    @override
    def submit(self, effect: Effect, on_settled: OnSettled, /) -> Outcome:
        """The same; what becomes of it is told to ``settled``, once, unless the program ends before that."""
        if isinstance(effect, CallBack) or environment.override() is not None:
            outcome = execute(self.inner, effect)
            on_settled(outcome)
            return outcome
        if in_event_loop():
            return self._beside(effect, on_settled, _IN_LOOP)
        return self._beside(effect, on_settled, _FAR) if self._kept.far else self._keep(effect, on_settled)

    @override
    def batch(self, effects: Sequence[Effect], /) -> Sequence[Outcome]:
        """Keep the effects in one commit, and have them sent: the outcome of each. Raises nothing."""
        messages = [effect for effect in effects if not isinstance(effect, CallBack)]
        if environment.override() is not None or len(messages) < len(effects):
            return [self.submit(effect, ignore_outcome) for effect in effects]
        try:
            self._kept.keep(messages, [ignore_outcome] * len(messages))
        except OutboxError as fault:
            return [self._without(message, ignore_outcome, fault) for message in messages]
        return [_QUEUED] * len(messages)

    def __reduce__(self) -> NoReturn:
        raise TypeError("an Outbox does not pickle, since it holds a database open: build one where it is needed")

    def _keep(self, message: Message, on_settled: OnSettled) -> Outcome:
        try:
            self._kept.keep([message], [on_settled])
        except OutboxError as fault:
            return self._without(message, on_settled, fault)
        return _QUEUED

    def _beside(self, message: Message, on_settled: OnSettled, seconds: float) -> Outcome:
        """Likewise, on a thread of its own: a database that is slow holds nobody up for longer than that."""
        answer: SimpleQueue[Outcome] = SimpleQueue()
        thread = threading.Thread(
            target=lambda: answer.put(self._keep(message, on_settled)), name="tocsin_outbox", daemon=self._kept.far
        )
        try:
            thread.start()
        except RuntimeError:  # the interpreter shuts down, or the system has no more threads
            return self._keep(message, on_settled)
        try:
            return answer.get(timeout=seconds)
        except Empty:
            return _ON_ITS_WAY

    def _without(self, message: Message, on_settled: OnSettled, fault: OutboxError) -> Outcome:
        self._kept.say(fault)
        return self._unkept.submit(message, on_settled)
