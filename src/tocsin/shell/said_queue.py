"""``SaidQueue``: has announced what the author of a run says, at once, and while no other event of the run is announced.

- An announcement takes its number from the run. So two events of one run that are announced at the same time would have one key.
- A text that comes while another is announced, in this thread or in another, waits for the end of that, and the thread that announces
  the other then announces it. So what says a text waits for no lock, and a handler of the run may say one.
"""

from collections import deque
from collections.abc import Callable

from typing_extensions import override

from tocsin.core.events import Said
from tocsin.core.messages.content import is_blank
from tocsin.core.text import quote, worded
from tocsin.shell import log
from tocsin.shell.adapters.clock import CLOCK
from tocsin.shell.fork_safety import ForkSafeLock
from tocsin.shell.redaction import redact


class SaidQueue(ForkSafeLock):
    """What the author of one run says, in order. Thread-safe.

    Args:
        name: the name of what runs.
        announce: announces the event. It raises nothing but a KeyboardInterrupt.
    """

    def __init__(self, name: str, announce: Callable[[Said], object]) -> None:
        super().__init__()
        self._name = name
        self._announce = announce
        self._waiting = deque[Said]()
        self._is_announcing = False
        self._is_closed = False

    def put(self, text: object) -> None:
        """Add a text, or the ``str`` of any other value, unless it is blank."""
        words = worded(text)
        if not is_blank(words):
            self.put_event(Said(CLOCK.now(), text=redact(words)))

    def put_event(self, said: Said) -> None:
        """Add what is said. What the author did not word says nothing once the run is over."""
        self._waiting.append(said)

    def announce_waiting(self) -> None:
        """Announce what waits. What waits after ``close`` is a line in the log instead."""
        lock = self.lock
        while self._waiting and lock.acquire(blocking=False):  # again, since a text may have come just before the release
            try:
                if self._is_announcing:  # this thread does so already, further out
                    return
                self._is_announcing = True
                self._announce_all()
            finally:
                lock.release()

    def close(self) -> None:
        """Announce what waits, since the run ends, and wait until no thread announces a text."""
        with self.lock:
            self.announce_waiting()
            self._is_closed = True

    @override
    def forget(self) -> None:
        """Be empty and free in a forked child: a thread of the parent announces what waits."""
        super().forget()
        self._waiting.clear()
        self._is_announcing = False

    def _announce_all(self) -> None:
        try:
            while self._waiting:
                said = self._waiting.popleft()
                if self._is_closed and (said.verb is not None or said.edits):
                    continue
                if self._is_closed:
                    log.surely(f"a text about {quote(self._name)} was said after its run had ended, and is in no message")
                else:
                    self._announce(said)
        finally:
            self._is_announcing = False
