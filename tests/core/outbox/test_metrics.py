"""Metrics in Prometheus's text format, whatever the name of a destination, and the counters behind them."""

import re

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.core.outbox.metrics import BOUNDS, ENDINGS, DrainCounters, Latencies, Readings, exposition
from tocsin.core.outbox.model import Row, Status
from tocsin.core.outbox.status import DestinationStatus

ROW = Row.new(key="run.load..0.0", destination="slack:TEAM", kind="PostToSlack", version=1, body="{}", at=0.0)
SAMPLE = re.compile(r'(?P<name>\w+)(?:\{(?P<labels>(?:\w+="(?:[^"\\\n]|\\[\\"n])*",?)*)\})? (?P<value>[0-9.]+)')
LABEL = re.compile(r'(\w+)="((?:[^"\\\n]|\\[\\"n])*)"')
NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


def tried(destination: str, status: Status, ended: float | None = None) -> Row:
    return attrs.evolve(ROW, destination=destination, status=status, ended=ended)


def read(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Read the samples of a text. Each occurs once, since Prometheus would refuse all of them otherwise."""
    found: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}
    for line in text.split("\n"):
        if line and not line.startswith("# "):
            sample = SAMPLE.fullmatch(line)
            assert sample is not None, line
            labels = tuple((name, _unescaped(value)) for name, value in LABEL.findall(sample["labels"] or ""))
            assert (sample["name"], labels) not in found
            found[sample["name"], labels] = float(sample["value"])
    return found


def _unescaped(text: str) -> str:
    return re.sub(r'\\([\\"n])', lambda found: "\n" if found[1] == "n" else found[1], text)


@given(st.dictionaries(NAMES, st.sampled_from(Status), min_size=1, max_size=4))
def test_every_name_comes_out_as_it_went_in(statuses: dict[str, Status]) -> None:
    known = [DestinationStatus(name, {**dict.fromkeys(Status, 0), status: 3}, 10.0) for name, status in statuses.items()]
    counters = DrainCounters().after_try([tried(name, Status.DELIVERED, 5.0) for name in statuses])
    found = read(exposition(Readings(70.0, known, counters)))
    assert found["tocsin_outbox_up", ()] == 1.0
    for name, status in statuses.items():
        for each in Status:
            assert found["tocsin_outbox_rows", (("destination", name), ("status", each.value))] == 3.0 * (each is status)
        assert found["tocsin_outbox_oldest_waiting_seconds", (("destination", name),)] == 60.0
        for each in ENDINGS:
            labels = (("destination", name), ("outcome", each.value))
            assert found["tocsin_outbox_deliveries_total", labels] == float(each is Status.DELIVERED)
        own = ("destination", name)
        buckets = [
            found["tocsin_outbox_delivery_latency_seconds_bucket", (own, ("le", bound))] for bound in (*map(str, BOUNDS), "+Inf")
        ]
        assert buckets == [0.0, 0.0, *[1.0] * (len(BOUNDS) - 1)]
        assert found["tocsin_outbox_delivery_latency_seconds_sum", (own,)] == 5.0
        assert found["tocsin_outbox_delivery_latency_seconds_count", (own,)] == 1.0
    assert found["tocsin_outbox_last_success_timestamp_seconds", ()] == 5.0


def test_what_is_not_known_is_left_out() -> None:
    build = (("version", "1"),)
    known = {("tocsin_build_info", build): 1.0}
    assert read(exposition(Readings(0.0, None, DrainCounters(), 7, build))) == known | {("tocsin_outbox_up", ()): 0.0}
    found = read(exposition(Readings(0.0, (), DrainCounters(), 7, build)))
    assert found == known | {("tocsin_outbox_up", ()): 1.0, ("tocsin_outbox_enqueued_total", ()): 7.0}
    nothing_waits = [DestinationStatus("slack:A", dict.fromkeys(Status, 0), None)]
    assert read(exposition(Readings(9.0, nothing_waits, DrainCounters())))[
        "tocsin_outbox_oldest_waiting_seconds", (("destination", "slack:A"),)
    ] == pytest.approx(0.0)


def test_each_family_says_what_it_is() -> None:
    known = [DestinationStatus('a"b\\c\nd', dict.fromkeys(Status, 0), 0.25)]
    counters = DrainCounters().after_try([tried("x", Status.DEAD), tried("y", Status.DELIVERED, 0.5)])
    text = exposition(Readings(1.0, known, counters))
    assert 'tocsin_outbox_rows{destination="a\\"b\\\\c\\nd",status="dead"} 0\n' in text
    assert 'tocsin_outbox_oldest_waiting_seconds{destination="a\\"b\\\\c\\nd"} 0.750\n' in text
    assert re.findall(r"# TYPE (\w+ \w+)\n", text) == [
        "tocsin_build_info gauge",
        "tocsin_outbox_up gauge",
        "tocsin_outbox_rows gauge",
        "tocsin_outbox_oldest_waiting_seconds gauge",
        "tocsin_outbox_enqueued_total counter",
        "tocsin_outbox_deliveries_total counter",
        "tocsin_outbox_delivery_latency_seconds histogram",
        "tocsin_outbox_last_success_timestamp_seconds gauge",
    ]
    assert len(re.findall("# HELP ", text)) == 8


@given(st.lists(st.sampled_from(ENDINGS), max_size=12), st.integers(0, 12))
def test_it_does_not_matter_in_which_portions_tries_are_counted(statuses: list[Status], cut: int) -> None:
    rows = [tried("slack:A", status, float(number)) for number, status in enumerate(statuses)]
    whole = DrainCounters().after_try(rows)
    assert DrainCounters().after_try(rows[:cut]).after_try(rows[cut:]) == whole
    assert [whole.count(status) for status in ENDINGS] == [statuses.count(status) for status in ENDINGS]
    arrived = [row.ended for row in rows if row.status is Status.DELIVERED]
    assert whole.last_success == (arrived[-1] if arrived else None)
    latencies = whole.latencies.get("slack:A", Latencies())
    assert (sum(latencies.counts), latencies.seconds) == (len(arrived), sum(time or 0.0 for time in arrived))


@given(st.lists(st.floats(0.0, 1e6), max_size=20))
def test_each_time_to_delivery_is_in_the_buckets_that_it_fits(times: list[float]) -> None:
    counters = DrainCounters()
    for time in times:
        counters = counters.after_try([tried("slack:A", Status.DELIVERED, time)])
    found = read(exposition(Readings(0.0, None, counters)))
    for bound in BOUNDS if times else ():
        labels = (("destination", "slack:A"), ("le", str(bound)))
        assert found["tocsin_outbox_delivery_latency_seconds_bucket", labels] == sum(time <= bound for time in times)
    assert counters.count(Status.DELIVERED) == len(times)


def test_a_clock_that_was_set_back_makes_no_negative_time() -> None:
    row = attrs.evolve(tried("slack:A", Status.DELIVERED, 5.0), made=10.0)
    assert DrainCounters().after_try([row]).latencies["slack:A"] == Latencies().plus(0.0)


def test_counters_in_words() -> None:
    assert str(DrainCounters()) == "nothing was due"
    rows = [tried("a", Status.DEAD), *(tried("b", Status.DELIVERED) for _ in range(1200))]
    assert str(DrainCounters().after_try(rows)) == "1,200 delivered, 1 dead"
