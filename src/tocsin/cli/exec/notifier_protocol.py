"""What ``tocsin exec`` requires of a notifier: the protocol, and the run that it is given."""

from collections.abc import Callable
from typing import Protocol

import attrs

from tocsin.cli.exec.options import Options
from tocsin.core.supervisor import Ended


@attrs.frozen(kw_only=True)
class OpenRun:
    """A run that has begun.

    Args:
        run_id: identifies it: 16 hexadecimal digits.
        label: its name in messages; one line.
        started: its start, in seconds since 1970.
        monotonic: its start by ``time.monotonic``, in seconds.
        pid: the process of its first attempt; None if that could not be started.
    """

    run_id: str
    label: str
    started: float
    monotonic: float
    pid: int | None


class ExecNotifier(Protocol):
    """Sends the notifications of one run, in a thread of its own. It may be slow, and its exceptions do not affect the run."""

    def started(self) -> None:
        """Handle the start of an attempt, or the failure to start one, which ``ended`` reports."""
        ...

    def ended(self, ended: Ended) -> float | None:
        """Handle the end of an attempt. Return the seconds until the next attempt, or None for no further one.

        If a signal stops the run during that delay, the next call is ``close``.
        """
        ...

    def still_running(self, seconds: float, tail: bytes) -> None:
        """Handle that the attempt still runs, this long after the start of the run. ``tail`` is the end of its output so far."""
        ...

    def close(self) -> None:
        """End the notifications: no other call follows."""
        ...


MakeNotifier = Callable[[Options, OpenRun], ExecNotifier]
"""Makes the notifier. It is called in the notifier's thread, once the command has started."""
