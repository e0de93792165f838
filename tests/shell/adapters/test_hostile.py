"""Hostile servers: the right outcome and reason, within time and memory limits, without leaks of sockets, threads or secrets."""

import logging
import sys
import threading
import time
import tracemalloc
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from importlib import import_module
from pathlib import Path

import pytest

from tests.golden.golden_reasons import kept, seen, title
from tests.servers.authority import Authority
from tests.shell.adapters.hostile import ROWS
from tests.shell.adapters.hostile.delivering import CANARY, PASSWORD, QUICK, USERNAME, deliver
from tests.shell.adapters.hostile.row import Row
from tocsin.core.outcomes import DeliveryError, Receipt, Retryable

GRACE = 4.0  # seconds, for a busy machine
LITTLE = 4_000_000  # bytes
LOGIN = b64encode(f"\0{USERNAME}\0{PASSWORD}".encode()).decode()

KEPT = kept()
SERVERS = [pytest.param(row, what, id=title(row, what).replace("`", "")) for row in ROWS for what in row.servers]


@pytest.fixture(scope="module", autouse=True)
def loaded() -> None:
    """Import the libraries first, so that their memory is not counted."""
    for name in ("http", "mail_smtp", "mail_mime"):
        import_module(f"tocsin.shell.adapters.{name}")


def sockets() -> set[tuple[int, int]]:
    """Return the open sockets of this process."""
    found = (file.stat() for file in Path("/dev/fd").iterdir() if file.is_socket())
    return {(about.st_dev, about.st_ino) for about in found}


@contextmanager
def leaving_nothing() -> Iterator[None]:
    """Assert that the block leaves no new socket and no thread."""
    open_before, running = sockets(), set(threading.enumerate())
    yield
    assert sockets() <= open_before
    assert set(threading.enumerate()) <= running


@contextmanager
def in_time(row: Row) -> Iterator[None]:
    """Assert the time limit. A big message may take longer: every secret that the whole suite registered is searched in it."""
    began = time.monotonic()
    yield
    assert time.monotonic() - began < QUICK[-1] + (10 * GRACE if row.strains == "size" else GRACE)


@contextmanager
def in_little_memory() -> Iterator[None]:
    """Assert the memory limit."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < LITTLE
    finally:
        tracemalloc.stop()


def _seconds(outcome: Receipt | DeliveryError) -> float | None:
    """Return the retry delay of the outcome in seconds, if it has one."""
    return outcome.after.total_seconds() if isinstance(outcome, Retryable) and outcome.after is not None else None


@pytest.mark.skipif(sys.platform == "win32", reason="what is open there cannot be listed")
@pytest.mark.parametrize(("row", "what"), SERVERS)
def test_a_server_cannot_harm_us(
    row: Row, what: str, authority: Authority, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    with (
        leaving_nothing(),
        row.servers[what](authority) as port,
        in_time(row),
        in_little_memory() if row.strains == "memory" else nullcontext(),
    ):
        outcome = deliver(row, port, authority)
    assert type(outcome) is row.outcome, outcome
    assert _seconds(outcome) == pytest.approx(row.after, abs=2)
    given = seen(row, outcome, port) if isinstance(outcome, DeliveryError) else None
    slow_machine = given is not None and row.strains != "" and "did not answer in time" in given["reason"]
    assert slow_machine or given == KEPT.get(title(row, what)), "run: python -m tests.golden.golden_reasons"
    shown = repr(outcome) + caplog.text + "".join(repr(vars(record)) for record in caplog.records) + "".join(capfd.readouterr())
    assert not [secret for secret in (CANARY, PASSWORD, LOGIN) if secret in shown]
