"""Rates in messages per second, ours and a peer's, measured in turns; more is better, and the target is a minimum."""

from collections.abc import Callable
from statistics import median

import attrs
from typing_extensions import override

from tests.benchmarks.ratios import Ratio, Rivals


@attrs.frozen
class Rate(Ratio):
    """Messages per second that tocsin and a peer deliver or store.

    A ``target`` of 0 means none. ``least`` is the wanted rate in messages per second, independent of the peer.
    """

    least: float = 0.0

    @override
    def __str__(self) -> str:
        ours, theirs = (median(side) for side in zip(*self.pairs, strict=True))
        verdict = "met" if self.value >= self.target and ours >= self.least else "MISSED"
        wanted = f">= {self.target:g}x" if self.target else f">= {self.least:,g} a second" if self.least else ""
        target = f"{wanted} {verdict}" if wanted else "no target"
        return f"{self.what:58}{ours:12.1f}{theirs:12.1f} {self.unit:9}{self.value:7.2f}x  {target}"


@attrs.define
class Sender:
    """Sends ``calls`` messages per round; ``seconds`` sends some and returns the time. ``sent`` counts the messages."""

    seconds: Callable[[int], float]
    calls: int
    sent: int = 0

    def rate(self) -> float:
        """Send one round, and return messages per second."""
        self.sent += self.calls
        return self.calls / self.seconds(self.calls)


def compare(rivals: Rivals, what: str, target: float, ours: Sender, theirs: Sender, *, rounds: int = 15, least: float = 0.0) -> None:
    """Measure both in turns, and note the rate."""
    mine: list[float] = []
    others: list[float] = []
    rivals.benchmark.pedantic(lambda: mine.append(ours.rate()), setup=lambda: others.append(theirs.rate()), rounds=rounds)
    rivals.note(Rate(what, target, list(zip(mine, others, strict=True)), "a second", least))
