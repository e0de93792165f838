"""An outbox whose database fails for a while: no caller waits long, no message is lost, and soon after it they are stored again."""

import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from tests.servers.postgres import Postgres
from tests.shell.interpreters.test_outbox import QUEUED, Ending, Sender, message
from tests.shell.outbox.test_postgres import error_line, rows
from tocsin.core.outcomes import Delivered, Outcome, Queued
from tocsin.interpreters import Outbox
from tocsin.shell.errors import OutboxError
from tocsin.shell.interpreter import execute
from tocsin.shell.outbox import client
from tocsin.shell.outbox import database as outbox_database
from tocsin.shell.outbox.background_worker import BackgroundWorker
from tocsin.shell.outbox.codec import new_row
from tocsin.shell.outbox.database import Database, OutboxConnection
from tocsin.shell.outbox.errors import needs_person
from tocsin.shell.outbox.store import Store
from tocsin.shell.outbox.worker import Worker

pytestmark = pytest.mark.tocsin_live

WITHOUT = Queued("a background thread")
PATIENCE = 20.0
SILENCE = 0.5  # seconds for which the server may be silent in these tests
SOON = 2.0  # seconds after an outage


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give up a server that is silent for half a second, where the usual five seconds for a lock are included."""
    monkeypatch.setattr(outbox_database, "_ANSWER_TIMEOUT", SILENCE - 5.0)


def seconds_until(condition: Callable[[], bool]) -> float:
    """Wait for the condition, and return for how long."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < PATIENCE
        time.sleep(0.02)
    return time.monotonic() - began


def test_a_message_is_kept_and_sent(database: str) -> None:
    sender, ending = Sender(), Ending()
    outbox = Outbox(sender, database)
    assert outbox.submit(message(), ending) == QUEUED
    assert ending.outcome == Delivered()
    assert len(sender.came) == 1
    outbox.close()


@pytest.mark.usefixtures("impatient")
def test_a_frozen_server_delays_one_caller_once_and_messages_are_stored_soon_after_it(postgres: Postgres, database: str) -> None:
    sender = Sender()
    with closing(Outbox(sender, database)) as outbox:
        assert execute(outbox, message()) == QUEUED
        sender.wait()
        with postgres.frozen():
            began = time.monotonic()
            answers = [execute(outbox, message()) for _ in range(3)]
            answers += outbox.batch([message(), message()])
            taken = time.monotonic() - began
            sender.wait(5)
        assert answers == [WITHOUT] * 5
        assert SILENCE <= taken < 3 * SILENCE
        assert seconds_until(lambda: execute(outbox, message()) == QUEUED) < SOON


@pytest.mark.usefixtures("impatient")
def test_many_callers_of_a_frozen_server_give_up_together(postgres: Postgres, database: str) -> None:
    with closing(Store(database)) as store, ThreadPoolExecutor(4) as pool:
        store.put(rows(1))
        with postgres.frozen():
            began = time.monotonic()
            done = [pool.submit(store.put, rows(1, name)) for name in "abcd"]
            faults = [each.exception(PATIENCE) for each in done]
            taken = time.monotonic() - began
    assert taken < 3 * SILENCE
    assert {str(fault) for fault in faults} == {
        f"the outbox at {store.place} cannot be used: TimeoutError: the server does not answer: it said nothing for 0.5 seconds: "
        "make sure that the server runs, and that its URL is right"
    }


@pytest.mark.usefixtures("impatient")
def test_a_server_that_has_much_to_read_is_waited_for(database: str) -> None:
    def sleep(connection: Connection) -> object:
        return connection.execute(text("SELECT pg_sleep(0.8)")).all()

    with closing(OutboxConnection(Database(database, 5.0))) as kept:
        kept.do_without_transaction(sleep, extra=PATIENCE)
        with pytest.raises(TimeoutError):
            kept.do(sleep)


def test_after_a_restart_messages_are_stored_soon(postgres: Postgres, database: str) -> None:
    with closing(Outbox(Sender(), database)) as outbox:
        with postgres.down("immediate"):
            assert execute(outbox, message()) == WITHOUT
            assert execute(outbox, message()) == WITHOUT
        assert seconds_until(lambda: execute(outbox, message()) == QUEUED) < SOON


def test_an_outage_only_ends_when_the_database_can_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_PROBE_PAUSE", 0.05)
    folder, sender = tmp_path / "folder", Sender()
    folder.touch()
    with closing(Outbox(sender, f"sqlite:///{folder}/outbox.sqlite")) as outbox:
        for _ in range(2):
            assert execute(outbox, message()) == WITHOUT
            time.sleep(0.2)
        folder.unlink()
        assert seconds_until(lambda: execute(outbox, message()) == QUEUED) < SOON


def test_a_closed_outbox_has_no_thread_that_tries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_ERROR_PAUSE", 0.1)
    folder = tmp_path / "folder"
    folder.touch()
    outbox = Outbox(Sender(), f"sqlite:///{folder}/outbox.sqlite")
    outbox.close()
    assert execute(outbox, message()) == WITHOUT
    assert outbox._client._prober is None
    folder.unlink()
    assert seconds_until(lambda: execute(outbox, message()) == QUEUED) < SOON
    outbox.close()


def test_where_no_thread_starts_the_next_caller_tries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_ERROR_PAUSE", 0.0)
    folder = tmp_path / "folder"
    folder.touch()
    with closing(Outbox(Sender(), f"sqlite:///{folder}/outbox.sqlite")) as outbox:
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", no_thread)
            assert execute(outbox, message()) == execute(outbox, message())
        assert outbox._client._prober is None
        folder.unlink()
        assert execute(outbox, message()) == QUEUED


def no_thread(_: object) -> None:
    """Answer as Python does where the system has no more threads."""
    raise RuntimeError("can't start new thread")


@pytest.mark.parametrize("change", ["wrong password", "no database", "down", "newer"])
def test_what_only_a_person_can_mend_is_tried_less_often(change: str, postgres: Postgres, database: str) -> None:
    match change:
        case "wrong password":
            line = error_line(database.replace("CANARY", "WRONG-CANARY"))
        case "no database":
            line = error_line(f"{database}_elsewhere")
        case "down":
            with postgres.down():
                line = error_line(database)
        case _:
            with closing(Store(database)) as store:
                store.put(rows(1))
                store._writer.do(lambda connection: connection.execute(text("UPDATE outbox_version SET version = 99")))
            line = error_line(database)
    assert needs_person(OutboxError(line)) == (change != "down")


def test_a_program_that_waits_goes_on_soon_after_an_error(tmp_path: Path) -> None:
    file, outcomes = tmp_path / "outbox.sqlite", list[Outcome]()
    with closing(Store(f"sqlite:///{file}", busy=0.05)) as store:
        row = new_row(message(), store.now())
        worker = BackgroundWorker(store, lambda on_batch: Worker(store, Sender(), on_batch), 1.0)
        worker.expect(row.key, outcomes.append)
        store.put([row])
        worker.mark_stored([row.key])
        with closing(sqlite3.connect(file)) as other:
            other.execute("BEGIN IMMEDIATE")
            worker.hurry()
            worker.attend()
            time.sleep(0.3)  # it has tried to claim the message, and failed
        assert worker.wait(time.monotonic() + SOON)
        worker.give_up()
    assert outcomes == [Delivered()]
