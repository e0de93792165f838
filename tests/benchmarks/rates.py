"""Messages a second, ours and somebody else's, in turns: here more is better, and the target is the least of it."""

from collections.abc import Callable
from statistics import median

import attrs
from typing_extensions import override

from tests.benchmarks.ratios import Ratio, Rivals


@attrs.frozen
class Rate(Ratio):
    """How many messages a second tocsin delivers, or keeps, and somebody else.

    A ``target`` of 0 is none: who measures wants to know. ``least`` are the messages a second that are wanted, whatever others do.
    """

    least: float = 0.0

    @override
    def __str__(self) -> str:
        ours, theirs = (median(side) for side in zip(*self.pairs, strict=True))
        verdict = "met" if self.value >= self.target and ours >= self.least else "MISSED"
        wanted = f">= {self.target:g}x" if self.target else f">= {self.least:,g} a second" if self.least else ""
        told = f"{wanted} {verdict}" if wanted else "no target"
        return f"{self.what:58}{ours:12.1f}{theirs:12.1f} {self.unit:9}{self.value:7.2f}x  {told}"


@attrs.define
class Sender:
    """Sends messages, ``calls`` in a row; ``seconds`` sends so many, and says how long it took. Counts what it ``sent``."""

    seconds: Callable[[int], float]
    calls: int
    sent: int = 0

    def rate(self) -> float:
        """Send; messages a second."""
        self.sent += self.calls
        return self.calls / self.seconds(self.calls)


def compare(rivals: Rivals, what: str, target: float, ours: Sender, theirs: Sender, *, rounds: int = 15, least: float = 0.0) -> None:
    """Measure them in turns."""
    mine: list[float] = []
    others: list[float] = []
    rivals.benchmark.pedantic(lambda: mine.append(ours.rate()), setup=lambda: others.append(theirs.rate()), rounds=rounds)
    rivals.note(Rate(what, target, list(zip(mine, others, strict=True)), "a second", least))
