"""Whose turn it is to speak, and what is known of the threads that were begun.

The messages of one run in one channel go out one after the other, in whatever threads of the program they were made: so there is one
first message, and no edit overtakes another. A child of the process goes on in the threads that its parent began.
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
"""A run in a channel: the token, the channel as it was given, and the run's id."""


class ThreadCache:
    """The threads of one adapter, as many as are remembered. It pickles as one that knows of none."""

    def __init__(self) -> None:
        self._turns = threading.Condition()
        self._speaking: set[Place] = set()
        self._known: Mapping[Place, Thread] = {}
        fork_safety.forget_in_child(self)

    @contextmanager
    def turn(self, place: Place, seconds: float) -> Generator[bool]:
        """Inside, nobody else speaks there; False where somebody did for all of those seconds."""
        ours = False
        try:
            with self._turns:
                ours = self._turns.wait_for(lambda: place not in self._speaking, seconds)
                self._speaking |= {place} if ours else set()
            yield ours
        finally:
            with self._turns:
                self._speaking -= {place} if ours else set()
                self._turns.notify_all()

    def known(self, place: Place) -> Thread | None:
        """The thread of a run, if it has one."""
        return self._known.get(place)

    def keep(self, place: Place, thread: Thread) -> None:
        """Remember a thread as it is now."""
        with self._turns:
            self._known = slack_threads.remembered(self._known, place, thread)

    def drop(self, place: Place) -> None:
        """Remember a thread no longer."""
        with self._turns:
            self._known = slack_threads.forgotten(self._known, place)

    def forget(self) -> None:
        """Start afresh, as a child does, but for what is known."""
        self._turns, self._speaking = threading.Condition(), set()

    @override
    def __reduce__(self) -> "tuple[type[ThreadCache], tuple[()]]":
        return type(self), ()
