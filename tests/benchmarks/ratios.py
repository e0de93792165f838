"""What is measured: two ways to the same end, run in turns, so that a busy machine slows both alike.

Absolute times say more about the machine than about the code; a ratio travels. The targets are printed beside the ratios, and no
test fails for missing one: a clock is no judge of correctness.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import median
from timeit import Timer
from typing import Protocol

import attrs


class Benchmark(Protocol):
    """The part of pytest-benchmark's fixture that is used here."""

    enabled: bool

    def pedantic(self, target: Callable[[], object], *, setup: Callable[[], None], rounds: int) -> object:
        """Time ``target``, each time after ``setup``; where benchmarks are disabled, run both once and time nothing."""
        ...


@attrs.frozen
class Ratio:
    """How much of something tocsin takes, and its limit: ``pairs`` of the two, each measured in one round, in ``unit``.

    ``target`` is the most that it may take, as a multiple of the limit.
    """

    what: str
    target: float
    pairs: Sequence[tuple[float, float]]
    unit: str

    @property
    def value(self) -> float:
        """How many times the limit: the median over the rounds."""
        return median(ours / limit for ours, limit in self.pairs)

    def __str__(self) -> str:
        ours, limit = (median(side) for side in zip(*self.pairs, strict=True))
        verdict = "met" if self.value <= self.target else "MISSED"
        return f"{self.what:58}{ours:12.1f}{limit:12.1f} {self.unit:9}{self.value:7.2f}x  <= {self.target:g}x {verdict}"


@attrs.frozen
class Rivals:
    """Times one statement against another, and writes the ratio down where benchmarks are enabled."""

    benchmark: Benchmark
    table: list[Ratio]

    def __call__(self, what: str, target: float, names: Mapping[str, object], ours: str, limit: str, *, calls: int = 300) -> None:
        """Measure 150 rounds of ``calls`` calls each, in nanoseconds a call; ``names`` are what the statements speak of."""
        self.measure(what, target, Timer(ours, globals={**names}), Timer(limit, globals={**names}), calls=calls, rounds=150)

    def measure(
        self, what: str, target: float, ours: Timer, limit: Timer, *, calls: int, rounds: int, share: int = 1, unit: str = "ns"
    ) -> None:
        """The same, with a number of rounds; a call counts as ``share`` of what is told of."""
        scale = {"ns": 1e9, "µs": 1e6, "ms": 1e3}[unit] / (calls * share)
        mine: list[float] = []
        least: list[float] = []
        self.benchmark.pedantic(lambda: mine.append(ours.timeit(calls)), setup=lambda: least.append(limit.timeit(calls)), rounds=rounds)
        self.note(Ratio(what, target, [(took * scale, least_took * scale) for took, least_took in zip(mine, least, strict=True)], unit))

    def note(self, ratio: Ratio) -> None:
        """Write a ratio down, where benchmarks are enabled."""
        self.table.extend([ratio] if self.benchmark.enabled else [])


def table(ratios: Iterable[Ratio]) -> str:
    """The ratios, one a line under a heading; nothing where there are none."""
    lines = [str(ratio) for ratio in ratios]
    heading = f"{'':58}{'ours':>12}{'limit':>12} {'':9}{'ratio':>8}  target"
    return "\n".join(["", heading, *lines, ""]) if lines else ""
