"""Cache of the Slack threads that were started, with one turn at a time for each run in a channel.

- The messages of one run in one channel are sent one after the other, whatever threads of the program send them: so a run has one
  first message, and no edit overtakes another.
- A forked child continues the Slack threads that its parent started.
"""

import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager

from typing_extensions import override

from tocsin.core.delivery import slack_threads
from tocsin.core.delivery.slack_threads import Thread
from tocsin.shell import fork_safety
from tocsin.shell.adapters.secrets import Secret

Place = tuple[Secret, str, str]
"""A run in a channel: the token, the channel as configured, and the run's id."""


class ThreadCache:
    """The known Slack threads of one adapter, limited to ``slack_threads.REMEMBERED``. A pickled copy is empty."""

    _turns = fork_safety.OnUse(threading.Condition)

    def __init__(self) -> None:
        self._busy: set[Place] = set()
        self._known: Mapping[Place, Thread] = {}
        fork_safety.forget_in_child(self)

    @contextmanager
    def turn(self, place: Place, seconds: float) -> Generator[bool]:
        """Hold the turn of ``place`` while the block runs. Yield False if another thread held it for all of ``seconds``."""
        ours = False
        try:
            with self._turns:
                ours = self._turns.wait_for(lambda: place not in self._busy, seconds)
                self._busy |= {place} if ours else set()
            yield ours
        finally:
            with self._turns:
                self._busy -= {place} if ours else set()
                self._turns.notify_all()

    def known(self, place: Place) -> Thread | None:
        """Return the thread of a run, if it has one."""
        return self._known.get(place)

    def keep(self, place: Place, thread: Thread) -> None:
        """Store the current state of a thread."""
        with self._turns:
            self._known = slack_threads.remembered(self._known, place, thread)

    def drop(self, place: Place) -> None:
        """Remove a thread."""
        with self._turns:
            self._known = slack_threads.forgotten(self._known, place)

    def forget(self) -> None:
        """Reset the turns in a forked child; keep the known threads."""
        vars(self).pop("_turns", None)
        self._busy = set()

    @override
    def __reduce__(self) -> "tuple[type[ThreadCache], tuple[()]]":
        return type(self), ()
