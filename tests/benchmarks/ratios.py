"""Ratios of two ways to do the same job, which run in turns so that a busy machine slows both equally.

Absolute times depend on the machine; ratios hardly do. The targets are printed beside the ratios, and no test fails for missing one:
times do not prove correctness.
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
        """Time ``target`` with ``setup`` before each round; if benchmarks are disabled, run both once and time nothing."""
        ...


@attrs.frozen
class Ratio:
    """The cost of tocsin and the cost of the limit, as ``pairs`` of one round each, in ``unit``.

    ``target`` is the maximum cost, as a multiple of the limit.
    """

    what: str
    target: float
    pairs: Sequence[tuple[float, float]]
    unit: str

    @property
    def value(self) -> float:
        """The median over the rounds of cost divided by limit."""
        return median(ours / limit for ours, limit in self.pairs)

    def __str__(self) -> str:
        ours, limit = (median(side) for side in zip(*self.pairs, strict=True))
        verdict = "met" if self.value <= self.target else "MISSED"
        return f"{self.what:58}{ours:12.1f}{limit:12.1f} {self.unit:9}{self.value:7.2f}x  <= {self.target:g}x {verdict}"


@attrs.frozen
class Rivals:
    """Times one statement against another, and notes the ratio if benchmarks are enabled."""

    benchmark: Benchmark
    table: list[Ratio]

    def __call__(self, what: str, target: float, names: Mapping[str, object], ours: str, limit: str, *, calls: int = 300) -> None:
        """Measure 150 rounds of ``calls`` calls each, in nanoseconds per call; ``names`` are the globals of the statements."""
        self.measure(what, target, Timer(ours, globals={**names}), Timer(limit, globals={**names}), calls=calls, rounds=150)

    def measure(
        self, what: str, target: float, ours: Timer, limit: Timer, *, calls: int, rounds: int, share: int = 1, unit: str = "ns"
    ) -> None:
        """Measure ``rounds`` rounds of ``calls`` calls each; a call counts as ``share`` units."""
        scale = {"ns": 1e9, "µs": 1e6, "ms": 1e3}[unit] / (calls * share)
        mine: list[float] = []
        least: list[float] = []
        self.benchmark.pedantic(lambda: mine.append(ours.timeit(calls)), setup=lambda: least.append(limit.timeit(calls)), rounds=rounds)
        self.note(Ratio(what, target, [(took * scale, least_took * scale) for took, least_took in zip(mine, least, strict=True)], unit))

    def note(self, ratio: Ratio) -> None:
        """Add a ratio to the table if benchmarks are enabled."""
        self.table.extend([ratio] if self.benchmark.enabled else [])


def table(ratios: Iterable[Ratio]) -> str:
    """Return the ratios, one per line under a heading; an empty text if there are none."""
    lines = [str(ratio) for ratio in ratios]
    heading = f"{'':58}{'ours':>12}{'limit':>12} {'':9}{'ratio':>8}  target"
    return "\n".join(["", heading, *lines, ""]) if lines else ""
