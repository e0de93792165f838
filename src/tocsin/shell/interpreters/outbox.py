"""``Outbox``: stores messages in a database until they are sent, so that none is lost if the process dies before it is sent.

- A message is committed to disk first, in the caller's thread, and is ``Queued``. Then this process, or another worker of the outbox,
  sends it in the background. A failed message is retried for a day.
- A call of a user function cannot be stored: it is made at once. An edit would be stale: it is queued in memory.
- If the outbox cannot be written, messages are sent in the background without it, and the log has the reason.
- An event loop waits for a commit at most a fifth of a second; a slower commit continues in another thread.
- If the environment asks for a dry run or for silence, messages are printed or dropped at once; none is stored or sent from the outbox.
  For an inner interpreter that sends nothing, they are queued in memory.
"""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, NoReturn

import attrs
from typing_extensions import override

from tocsin.core.delivery.digest import MIN_INTERVAL, THRESHOLD
from tocsin.core.delivery.retry import RetryPolicy
from tocsin.core.effects import CallBack, Effect, Message, is_edit
from tocsin.core.outbox.state_machine import POLICY
from tocsin.core.outcomes import STORED, Outcome, Queued
from tocsin.core.text import quote
from tocsin.shell import environment, queues
from tocsin.shell.adapters import settings
from tocsin.shell.errors import OutboxError
from tocsin.shell.interpreter import (
    Batching,
    Interpreter,
    OnSettled,
    Queueing,
    Wrapper,
    constant,
    execute,
    ignore_outcome,
    inner,
)
from tocsin.shell.interpreters.background import Background, in_event_loop
from tocsin.shell.interpreters.digest import Digest, check_min_interval, check_threshold
from tocsin.shell.threads import CallThread

if TYPE_CHECKING:
    from tocsin.shell.outbox.client import OutboxClient

_QUEUED = constant(STORED)
_NOT_COMMITTED = Queued("memory, on its way to the outbox")
_LOOP_COMMIT_TIMEOUT = 0.2  # seconds that an event loop waits for a commit
_SERVER_COMMIT_TIMEOUT = 10.0  # seconds that a thread waits for a commit on a database server, which may not answer


def _policy(_: object, __: object, value: object) -> None:
    if not isinstance(value, RetryPolicy):
        raise TypeError(f"policy is a RetryPolicy, not {quote(value)}: write Outbox(..., policy=RetryPolicy(attempts=500))")


def _inner(given: Interpreter) -> Interpreter:
    if isinstance(given, Digest):
        raise TypeError("an Outbox folds waiting messages itself, across processes: write Outbox(Retrying(...)), without the Digest")
    return inner(given)


def _make_client(outbox: "Outbox") -> "OutboxClient":
    try:
        from tocsin.shell.outbox.client import OutboxClient
        from tocsin.shell.outbox.store import Store
        from tocsin.shell.outbox.worker import Worker
    except ModuleNotFoundError as missing:
        absent = missing.name
    else:
        store = Store(outbox.url)
        make_worker = partial(
            Worker,
            store,
            outbox.inner,
            policy=outbox.policy,
            threshold=outbox.threshold,
            min_interval=outbox.min_interval,
            lease=outbox.lease,
        )
        return OutboxClient(store, make_worker, outbox.exit_timeout)
    raise OutboxError(f"the outbox needs the extra: pip install 'tocsin[outbox]' ({absent} is not installed)")


def _without_outbox(outbox: "Outbox") -> Background:
    """Return the interpreter that sends if the outbox cannot be written."""
    return Background(Digest(outbox.inner, outbox.threshold, outbox.min_interval), exit_timeout=outbox.exit_timeout)


@attrs.frozen(eq=False)
class Outbox(Queueing, Wrapper, Batching):
    """Commits messages to a database, from which background workers send them by ``inner``.

    Args:
        inner: the interpreter that sends, one message at a time. The outbox folds waiting messages to the same audience, across
            processes: a ``Digest`` inside is a TypeError, and so is a queueing interpreter.
        url: the database: None for a file in the user's state folder, ``sqlite:////var/lib/app/outbox.sqlite`` for another file,
            ``postgresql://user@host/name`` for many machines.
        policy: how often and for how long a message is tried, over all processes.
        threshold: the number of waiting messages to the same audience that are sent singly; more are folded into one.
        min_interval: minimum seconds between two digests to the same audience, except under a deadline.
        lease: seconds after which a message that one process claimed may be claimed by another one.
        exit_timeout: seconds that the program waits at exit for its messages. Unsent messages stay in the outbox.

    Raises:
        TypeError, ValueError: an option is invalid. ``OutboxError``, a ValueError, if the URL is invalid or the extra
            ``tocsin[outbox]`` is not installed.

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
    threshold: int = attrs.field(default=THRESHOLD, kw_only=True, validator=check_threshold)
    min_interval: float = attrs.field(default=MIN_INTERVAL, kw_only=True, validator=check_min_interval)
    lease: float = attrs.field(default=60.0, kw_only=True, validator=settings.seconds)
    exit_timeout: float = attrs.field(default=queues.EXIT_TIMEOUT, kw_only=True, validator=settings.seconds)
    _client: "OutboxClient" = attrs.field(init=False, repr=False, default=attrs.Factory(_make_client, takes_self=True))
    _fallback: Background = attrs.field(init=False, repr=False, default=attrs.Factory(_without_outbox, takes_self=True))

    @property
    def place(self) -> str:
        """The location of the outbox, without a password."""
        return self._client.place

    def attend(self) -> None:
        """Start the background worker, which sends what earlier processes left. A stored message starts it, too."""
        self._client.attend()

    def close(self) -> None:
        """Stop sending and close the database. Unsent messages, and those stored from now on, stay in it for other workers.

        A message that is being sent has ``exit_timeout`` seconds to finish and is not retried. A program that uses its outbox until
        it ends need not close it.
        """
        self._client.close()

    @override
    def submit(self, effect: Effect, on_settled: OnSettled, /) -> Outcome:
        """Store the message; ``on_settled`` gets its final outcome, once, unless the program ends before."""
        if isinstance(effect, CallBack):
            outcome = execute(self.inner, effect)
            on_settled(outcome)
            return outcome
        if environment.override() is not None or is_edit(effect):
            return self._fallback.submit(effect, on_settled)
        if in_event_loop():
            return self._store_in_thread(effect, on_settled, _LOOP_COMMIT_TIMEOUT)
        if self._client.far:
            return self._store_in_thread(effect, on_settled, _SERVER_COMMIT_TIMEOUT)
        return self._store(effect, on_settled)

    @override
    def batch(self, effects: Sequence[Effect], /) -> Sequence[Outcome]:
        """Store the effects in one commit. Return the outcome of each. Raises nothing."""
        messages = [effect for effect in effects if not isinstance(effect, CallBack) and not is_edit(effect)]
        if environment.override() is not None or len(messages) < len(effects):
            return [self.submit(effect, ignore_outcome) for effect in effects]
        try:
            self._client.keep(messages, [ignore_outcome] * len(messages))
        except OutboxError as error:
            return [self._send_without_outbox(message, ignore_outcome, error) for message in messages]
        return [_QUEUED] * len(messages)

    def __reduce__(self) -> NoReturn:
        raise TypeError("an Outbox does not pickle, since it holds a database open: build one where it is needed")

    def _store(self, message: Message, on_settled: OnSettled) -> Outcome:
        try:
            self._client.keep([message], [on_settled])
        except OutboxError as error:
            return self._send_without_outbox(message, on_settled, error)
        return _QUEUED

    def _store_in_thread(self, message: Message, on_settled: OnSettled, seconds: float) -> Outcome:
        """Store the message in a thread of its own, so that a slow database delays the caller for at most ``seconds``."""
        thread = CallThread("tocsin_outbox", lambda: self._store(message, on_settled), daemon=self._client.far)
        if not thread.try_start():
            return self._store(message, on_settled)
        return thread.result() if thread.wait(seconds) else _NOT_COMMITTED

    def _send_without_outbox(self, message: Message, on_settled: OnSettled, error: OutboxError) -> Outcome:
        self._client.say(error)
        return self._fallback.submit(message, on_settled)
