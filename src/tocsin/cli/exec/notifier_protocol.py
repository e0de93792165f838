"""What ``tocsin exec`` asks of whatever tells people how a command went."""

from collections.abc import Callable
from typing import Protocol

import attrs

from tocsin.cli.exec.options import Options
from tocsin.core.supervisor import Ended


@attrs.frozen(kw_only=True)
class OpenRun:
    """A run that has begun.

    Args:
        run_id: names it: 16 hexadecimal digits.
        label: what people call it; one line.
        started: when, in seconds since 1970.
        pid: the process of its first attempt; None where that could not be started.
    """

    run_id: str
    label: str
    started: float
    pid: int | None


class ExecNotifier(Protocol):
    """Tells people of one run, in a thread of its own; it may take its time, and whatever it raises changes nothing in the run."""

    def started(self) -> None:
        """An attempt has begun, or could not be started, as ``ended`` will say."""
        ...

    def ended(self, ended: Ended) -> float | None:
        """An attempt has ended; after how many seconds another is to begin, None for none.

        None follows where somebody stops the run in the meantime: then ``close`` comes next.
        """
        ...

    def close(self) -> None:
        """Nothing more will be told."""
        ...


MakeNotifier = Callable[[Options, OpenRun], ExecNotifier]
"""Called in that thread, once the command is under way."""
