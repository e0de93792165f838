"""Whatever a server does to us: the right outcome, in time, in little memory, and nothing of it stays open or gets out."""

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

import attrs
import pytest

from tests.servers.authority import Authority
from tests.shell.adapters.examples import KEY, MAIL, MESSAGE
from tests.shell.adapters.hostile import ROWS
from tests.shell.adapters.hostile.row import Row
from tocsin.core.outcomes import DeliveryError, Receipt, Retryable
from tocsin.shell.adapters import Gmail, SlackWebhook
from tocsin.shell.adapters.secrets import Secret

QUICK = (0.8, 0.4, 0.8)  # seconds to connect, to be silent, and in all: an address that hangs could take it all
PATIENT = (5.0, 5.0, 10.0)
GRACE = 4.0  # seconds, for a busy machine
LITTLE = 4_000_000  # bytes
BIG = ("x" * 70 + "\n") * 85_000  # more than the buffers of two sockets hold
CANARY = "CANARYaRe9kQpLz"
USERNAME, PASSWORD = "ops@example.com", "canaryapppasswrd"
LOGIN = b64encode(f"\0{USERNAME}\0{PASSWORD}".encode()).decode()

SERVERS = [pytest.param(row, what, id=f"{row.channel} {row.does} {what}".replace("`", "")) for row in ROWS for what in row.servers]


@pytest.fixture(scope="module", autouse=True)
def loaded() -> None:
    """The libraries are there already: what they take up is no server's doing."""
    for name in ("https", "smtp", "mime"):
        import_module(f"tocsin.shell.adapters.{name}")


def slack(row: Row, port: int, authority: Authority) -> Receipt | DeliveryError:
    """What becomes of a message."""
    connect, silence, overall = QUICK if row.strains else PATIENT
    adapter = SlackWebhook(
        allowed_hosts=("127.0.0.1",),
        ca_bundle=authority.bundle,
        connect_timeout=connect,
        read_timeout=silence,
        deadline=overall,
        proxies={},
    )
    message = attrs.evolve(MESSAGE, text=BIG) if row.strains == "size" else MESSAGE
    outcome = adapter.post(Secret("TEAM_WEBHOOK", f"https://127.0.0.1:{port}/services/T000/B000/{CANARY}"), message)
    adapter.close()
    return outcome


def gmail(row: Row, port: int, authority: Authority) -> Receipt | DeliveryError:
    """What becomes of a mail."""
    connect, silence, overall = QUICK if row.strains else PATIENT
    adapter = Gmail(
        host="127.0.0.1",
        port=port,
        ca_bundle=authority.bundle,
        connect_timeout=connect,
        read_timeout=silence,
        deadline=overall,
    )
    mail = attrs.evolve(MAIL, plain=BIG) if row.strains == "size" else MAIL
    outcome = adapter.send(Secret("EMAIL_USERNAME", USERNAME), Secret("EMAIL_PASSWORD", PASSWORD), mail, KEY)
    adapter.close()
    return outcome


def sockets() -> set[tuple[int, int]]:
    """The sockets that this process has open."""
    found = (file.stat() for file in Path("/dev/fd").iterdir() if file.is_socket())
    return {(about.st_dev, about.st_ino) for about in found}


@contextmanager
def leaving_nothing() -> Iterator[None]:
    """No socket is open afterwards that was not before, and no thread runs."""
    open_before, running = sockets(), set(threading.enumerate())
    yield
    assert sockets() <= open_before
    assert set(threading.enumerate()) <= running


@contextmanager
def in_time(row: Row) -> Iterator[None]:
    """It takes no longer than it may: a big message more, since every secret that the whole suite has known is looked for in it."""
    began = time.monotonic()
    yield
    assert time.monotonic() - began < QUICK[-1] + (10 * GRACE if row.strains == "size" else GRACE)


@contextmanager
def in_little_memory() -> Iterator[None]:
    """It never takes much more memory than there was in use."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < LITTLE
    finally:
        tracemalloc.stop()


def _seconds(outcome: Receipt | DeliveryError) -> float | None:
    """In how many seconds it is to be tried again, where the outcome says so."""
    return outcome.after.total_seconds() if isinstance(outcome, Retryable) and outcome.after is not None else None


@pytest.mark.skipif(sys.platform == "win32", reason="what is open there cannot be listed")
@pytest.mark.parametrize(("row", "what"), SERVERS)
def test_a_server_cannot_harm_us(
    row: Row, what: str, authority: Authority, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    send = {"Slack": slack, "Gmail": gmail}[row.channel]
    with (
        leaving_nothing(),
        row.servers[what](authority) as port,
        in_time(row),
        in_little_memory() if row.strains == "memory" else nullcontext(),
    ):
        outcome = send(row, port, authority)
    assert type(outcome) is row.outcome, outcome
    assert _seconds(outcome) == pytest.approx(row.after, abs=2)
    shown = repr(outcome) + caplog.text + "".join(repr(vars(record)) for record in caplog.records) + "".join(capfd.readouterr())
    assert not [secret for secret in (CANARY, PASSWORD, LOGIN) if secret in shown]
