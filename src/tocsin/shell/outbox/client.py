"""An outbox as a program uses it: what is put in, and somebody who sends it."""

import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from tocsin.core.delivery.retry import RetryPolicy
from tocsin.core.effects import Message
from tocsin.core.messages.text import describe, one_line
from tocsin.core.outbox.model import Row
from tocsin.core.outcomes import Outcome
from tocsin.shell import log
from tocsin.shell.adapters.redaction import redact
from tocsin.shell.interpreters.base import Interpreter
from tocsin.shell.outbox.background_worker import BackgroundWorker
from tocsin.shell.outbox.codec import new_row
from tocsin.shell.outbox.errors import OutboxBusy, OutboxError
from tocsin.shell.outbox.store import Store
from tocsin.shell.outbox.worker import OnBatch, Worker

_T = TypeVar("_T")

_REST = 30.0  # seconds that a database is left alone after it could not be written: each caller would wait for it


class OutboxClient:
    """Keeps messages in the outbox at ``url``, and has them sent by ``inner``; see ``Outbox`` for the rest.

    Raises:
        OutboxError: that is no outbox's URL.
    """

    def __init__(
        self,
        url: str | None,
        inner: Interpreter,
        *,
        policy: RetryPolicy,
        threshold: int,
        min_interval: float,
        lease: float,
        exit_timeout: float,
    ) -> None:
        self._store = Store(url)

        def drains(on_batch: OnBatch) -> Worker:
            return Worker(
                self._store, inner, policy=policy, threshold=threshold, min_interval=min_interval, lease=lease, on_batch=on_batch
            )

        self._worker = BackgroundWorker(self._store, drains, exit_timeout)
        self._fault: OutboxError | None = None
        self._rests_until = 0.0
        self._said = False

    @property
    def far(self) -> bool:
        """Whether it is on a server, which may be reached and not answer."""
        return self._store.far

    def say(self, fault: OutboxError) -> None:
        """Say that messages are not kept; once, until they are again."""
        if not self._said:
            self._said = True
            log.logger.error("%s", redact(one_line(f"tocsin: {fault}; until then, messages are sent without it")))

    @property
    def place(self) -> str:
        """Where it is, without a password."""
        return self._store.place

    def attend(self) -> None:
        """Have sent what others left; where there is no outbox yet, they left nothing."""
        if self._store.exists:
            self._worker.wake()

    def close(self) -> None:
        """Drain no more, and close the database. What is left stays in it."""
        self._worker.give_up()
        self._store.close()

    def keep(self, messages: Sequence[Message], on_settled: Sequence[Callable[[Outcome], None]]) -> None:
        """Commit the messages; what becomes of each is told later, and only if all could be kept.

        Raises:
            OutboxError: they could not be kept, none of them.
        """
        if self._fault is not None and time.monotonic() < self._rests_until:
            raise OutboxError(str(self._fault))
        rows = self._rows(messages, self._tried(self._store.now))
        wanted = [(row.key, tell) for row, tell in zip(rows, on_settled, strict=True)]
        for key, tell in wanted:
            self._worker.expect(key, tell)
        try:
            self._tried(lambda: self._store.put(rows))
        except BaseException:
            for key, tell in wanted:
                self._worker.disown(key, tell)
            raise
        self._said = False
        self._worker.keeps([row.key for row in rows])
        self._worker.wake()

    def _tried(self, act: Callable[[], _T]) -> _T:
        """What ``act`` gives; where the database does not let it, that is left alone for a while."""
        try:
            return act()
        except OutboxBusy:
            raise
        except OutboxError as fault:
            self._fault, self._rests_until = fault, time.monotonic() + _REST
            raise

    @staticmethod
    def _rows(messages: Sequence[Message], at: float) -> list[Row]:
        try:
            return [new_row(message, at) for message in messages]
        except Exception as error:  # what somebody made by hand may hold anything
            raise OutboxError(redact(f"a message cannot be kept in the outbox: {describe(error)}")) from None
