"""The store, on SQLite and PostgreSQL: rows are inserted once, claimed by one worker, and changed as the core decides."""

import os
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import attrs
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql import ClauseElement

from tocsin.core.outbox.model import WAITING, Row, Status
from tocsin.core.outbox.state_machine import (
    FAR,
    POLICY,
    Buried,
    Claimed,
    Grouped,
    OutcomeKnown,
    RefusedEvent,
    Released,
    RetryAsked,
    claimable,
    next_row,
)
from tocsin.core.outbox.status import StatusCount
from tocsin.core.outcomes import Delivered, Rejected, Retryable
from tocsin.shell import fork_safety, redaction
from tocsin.shell.errors import OutboxError
from tocsin.shell.outbox import database as outbox_database
from tocsin.shell.outbox import queries
from tocsin.shell.outbox.schema import Found
from tocsin.shell.outbox.store import Agenda, Store

TEAM = "slack:TEAM"
MAIL = "gmail:NAME"
PATIENCE = 20.0


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an outbox that does not exist yet."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/outbox.sqlite"
    database: object = request.getfixturevalue("database")
    assert isinstance(database, str)
    return database


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    with closing(Store(url)) as opened:
        yield opened


def row(name: str, due: float = 0.0, destination: str = TEAM) -> Row:
    new = Row.new(key=name, destination=destination, kind="PostToSlack", version=1, body="{}", at=1.0)
    return attrs.evolve(new, due=due)


def keys(rows: Sequence[Row]) -> list[str]:
    return [each.key for each in rows]


def find_one(store: Store, key: str = "a") -> Row:
    (found,) = store.find([key])
    return found


def insert_expired(store: Store, name: str, digest: str | None = None) -> None:
    """Insert a row whose lease has ended."""
    assert store.put([row(name)]) == (True,)
    at = store.now()
    leased = next_row(find_one(store, name), Claimed(at - 100.0, "killed", at - 50.0))
    assert isinstance(leased, Row)
    overwrite(store, attrs.evolve(leased, digest=digest))


def overwrite(store: Store, changed: Row) -> None:
    """Overwrite a row."""
    number = store._transaction(lambda connection: queries.find(connection, [changed.key]))[0].number
    store._transaction(lambda connection: queries.change(connection, [Found(number, changed)]))


# Put.


def test_what_is_put_in_is_there_and_the_same_key_is_there_once(store: Store) -> None:
    first = attrs.evolve(row("a"), body='{"é": "\\ud800\\u0000"}')
    assert store.put([first]) == (True,)
    assert store.put([attrs.evolve(first, body="other")]) == (False,)
    assert store.find(["a"]) == (first,)


def test_all_of_a_sequence_is_put_in_but_for_what_is_there(store: Store) -> None:
    assert store.put([row("a"), row("b")]) == (True, True)
    assert store.put([row("b"), row("c"), row("c"), row("d")]) == (False, True, False, True)
    assert keys(store.rows()) == ["a", "b", "c", "d"]
    assert store.put([]) == ()


def test_a_sequence_is_put_in_as_a_whole_or_not_at_all(store: Store) -> None:
    with pytest.raises(OutboxError):
        store.put([row("a"), attrs.evolve(row("b"), ended=1.0), row("c")])
    assert store.rows() == ()


@pytest.mark.parametrize("number", [1, 2])
def test_what_no_database_takes_is_a_fault_and_nothing_is_put_in(store: Store, number: int) -> None:
    rows = [attrs.evolve(row(name), body="\ud800") for name in ("a", "b")][:number]
    with pytest.raises(OutboxError, match=r"cannot be used: .*[Ee]ncode"):
        store.put(rows)
    assert store.rows() == ()


# Claim.


def test_a_claim_leases_what_is_due_in_order(store: Store) -> None:
    store.put([row("b", due=2.0), row("a", due=2.0), row("first", due=1.0), row("mail", destination=MAIL)])
    before = store.now()
    claimed = store.claim(TEAM, "worker", seconds=60)
    assert keys(claimed) == ["first", "b", "a"]
    assert {(each.status, each.claim, each.attempts) for each in claimed} == {(Status.LEASED, "worker", 1)}
    assert all(before + 60 <= each.due <= store.now() + 60 for each in claimed)
    assert store.find(keys(claimed)) == tuple(sorted(claimed, key=lambda each: ["b", "a", "first"].index(each.key)))
    assert store.claim(TEAM, "other", seconds=60) == ()


def test_a_claim_is_of_so_many_rows_at_most(store: Store) -> None:
    store.put([row(name) for name in "abcde"])
    assert [keys(store.claim(TEAM, f"worker-{number}", seconds=60, most=2)) for number in range(4)] == [
        ["a", "b"],
        ["c", "d"],
        ["e"],
        [],
    ]


def test_what_is_not_due_waits_unless_it_is_due_absurdly_late(store: Store) -> None:
    now = store.now()
    store.put([row("soon", now + 60), row("late", now + FAR - 60), row("absurd", now + FAR + 60), row("due", now)])
    assert keys(store.claim(TEAM, "worker", seconds=60)) == ["due", "absurd"]


def test_most_counts_what_is_absurd_as_well(store: Store) -> None:
    store.put([row("absurd", store.now() + 2 * FAR), row("more absurd", store.now() + 3 * FAR), row("due")])
    assert [keys(store.claim(TEAM, f"worker-{number}", seconds=60, most=1)) for number in range(2)] == [["due"], ["absurd"]]


@pytest.mark.parametrize(("digest", "repeated", "attempts"), [(None, False, 1), ("a", True, 2)])
def test_a_row_whose_lease_has_ended_may_be_claimed_again(store: Store, digest: str | None, repeated: bool, attempts: int) -> None:
    insert_expired(store, "a", digest)
    (claimed,) = store.claim(TEAM, "worker", seconds=60)
    assert (claimed.repeated, claimed.attempts, claimed.claim) == (repeated, attempts, "worker")


def test_what_was_tried_too_often_is_given_up_on_the_way(store: Store) -> None:
    store.put([row("a"), row("b")])
    overwrite(store, attrs.evolve(find_one(store), attempts=POLICY.attempts))
    assert keys(store.claim(TEAM, "worker", seconds=60, most=1)) == ["b"]
    assert find_one(store).status is Status.DEAD


@pytest.mark.parametrize("destination", ["slack:NONE", "", "\x00", "\ud800"])
def test_an_unknown_destination_has_no_rows(store: Store, destination: str) -> None:
    store.put([row("a")])
    assert store.claim(destination, "worker", seconds=60) == ()
    assert store.rows(destination=destination) == ()


DUES = st.sampled_from([-1e9, -1.0, 0.0, 1.0, FAR - 1, FAR, FAR + 1, 1e12])


@given(st.lists(st.tuples(st.sampled_from(Status), DUES), max_size=8))
def test_what_is_claimed_is_what_the_core_says_may_be(drawn: list[tuple[Status, float]]) -> None:
    with tempfile.TemporaryDirectory() as folder, closing(Store(f"sqlite:///{folder}/outbox.sqlite")) as store:
        rows = [
            attrs.evolve(row(str(place), due=due), status=status, ended=None if status in WAITING else 1.0)
            for place, (status, due) in enumerate(drawn)
        ]
        store.put(rows)
        found = store._transaction(lambda connection: queries.claimable(connection, TEAM, 0.0, FAR, 100))
        destinations = store._transaction(lambda connection: queries.due_destinations(connection, 0.0, FAR))
        allowed = [each for each in rows if claimable(each, 0.0)]
        assert [each.row for each in found] == sorted(allowed, key=lambda each: each.due)
        assert [each.destination for each in destinations if each.is_due] == [TEAM] * bool(allowed)


# Clocks.


def test_what_waits_since_a_moment_in_the_future_waits_for_its_pause_alone(store: Store) -> None:
    now = store.now()
    ahead = now + 9 * FAR
    waiting = [
        row("pending", ahead),
        attrs.evolve(row("delayed", now + 3600.0), status=Status.DELAYED, pause=10.0),
        attrs.evolve(row("leased", ahead + 60.0), status=Status.LEASED, claim="killed", attempts=1, pause=60.0),
        attrs.evolve(row("asked", now + 3600.0), status=Status.DELAYED, pause=7200.0),
        attrs.evolve(row("earlier", now + 3600.0), status=Status.DELAYED, pause=None),
        attrs.evolve(row("over", ahead), status=Status.DEAD, ended=ahead),
    ]
    store.put(waiting)
    assert store.rewind() == 3
    found = {each.key: each for each in store.rows()}
    assert {key: found[key].due - now for key in ("pending", "delayed", "leased")} == pytest.approx(
        {"pending": 0.0, "delayed": 10.0, "leased": 60.0}, abs=10
    )
    assert [found[each.key] for each in waiting[3:]] == waiting[3:]
    assert keys(store.claim(TEAM, "worker", seconds=60)) == ["pending"]
    assert store.rewind() == 0


def test_more_rows_than_fit_a_transaction_are_repaired(store: Store) -> None:
    store.put([row(str(number), store.now() + 3600.0) for number in range(1200)])
    assert store.rewind() == 1200
    assert len(store.claim(TEAM, "worker", seconds=60, most=2000)) == 1200


# Digests.


def test_what_was_lost_as_a_digest_is_claimed_as_that_digest_and_alone(store: Store) -> None:
    for name, digest in (("a", "one"), ("b", "other"), ("c", "one"), ("d", None)):
        insert_expired(store, name, digest)
    claims = [keys(store.claim(TEAM, f"worker-{number}", seconds=60, most=1)) for number in range(4)]
    assert claims == [["a", "c"], ["b"], ["d"], []]


def test_what_comes_before_a_lost_digest_is_claimed_without_it(store: Store) -> None:
    insert_expired(store, "b", "one")
    store.put([row("a"), row("c")])
    assert [keys(store.claim(TEAM, f"worker-{number}", seconds=60)) for number in range(2)] == [["a", "c"], ["b"]]


def test_a_digest_of_another_destination_is_not_claimed(store: Store) -> None:
    insert_expired(store, "a", "one")
    store.put([row("b", destination=MAIL)])
    overwrite(store, attrs.evolve(find_one(store, "b"), digest="one"))
    assert keys(store.claim(TEAM, "worker", seconds=60)) == ["a"]


def test_a_digest_that_was_released_is_claimed_too(store: Store) -> None:
    store.put([row("a")])
    store.claim(TEAM, "worker", seconds=60)
    at = store.now()
    store.advance([("a", Grouped(at, "worker", "one")), ("a", Released(at, "worker", at))])
    assert keys(store.claim(TEAM, "other", seconds=60)) == ["a"]


def test_a_digest_that_another_worker_is_claiming_is_skipped(database: str) -> None:
    with closing(Store(database)) as store, psycopg.connect(database) as other:
        insert_expired(store, "a", "one")
        store.put([row("b")])
        other.execute("SELECT pg_advisory_xact_lock(hashtextextended('one', 0))")
        assert [keys(store.claim(TEAM, f"worker-{number}", seconds=60)) for number in range(2)] == [["b"], []]
        other.commit()
        assert keys(store.claim(TEAM, "worker-2", seconds=60)) == ["a"]


def test_where_a_digest_was_just_taken_the_rest_is_claimed(database: str) -> None:
    with closing(Store(database)) as store, psycopg.connect(database) as other, ThreadPoolExecutor(1) as threads:
        insert_expired(store, "a", "one")
        store.put([row("b", due=store.now())])
        other.execute("UPDATE messages SET status = 'dead', ended = 1 WHERE key = 'a'")
        claim = threads.submit(store.claim, TEAM, "worker", seconds=60)
        with psycopg.connect(database, autocommit=True) as watching:
            assert any(watching.execute("SELECT 1 FROM pg_locks WHERE NOT granted").fetchone() for _ in range(100_000))
        other.commit()
        assert keys(claim.result(PATIENCE)) == ["b"]


# Advance.


def test_rows_follow_what_happens_to_them_in_order(store: Store) -> None:
    store.put([row("a"), row("b")])
    store.claim(TEAM, "worker", seconds=60)
    answers = store.advance(
        [
            ("b", OutcomeKnown(5.0, "worker", Delivered(), 0.5)),
            ("c", Buried(5.0)),
            ("a", OutcomeKnown(5.0, "worker", Retryable("busy"), 0.0)),
            ("a", Buried(6.0)),
            ("b", RetryAsked(6.0)),
            ("no\nsuch\x00\ud800", Buried(6.0)),
        ]
    )
    assert [answer.status if isinstance(answer, Row) else answer for answer in answers] == [
        Status.DELIVERED,
        RefusedEvent("there is no c in the outbox"),
        Status.DELAYED,
        Status.DEAD,
        RefusedEvent("b is delivered"),
        RefusedEvent("there is no no such\ufffd in the outbox"),
    ]
    assert [(each.status, each.reason) for each in store.find(["a", "b"])] == [
        (Status.DEAD, "buried by hand"),
        (Status.DELIVERED, None),
    ]
    assert store.advance([]) == ()


def test_a_reason_is_one_line_without_a_secret(store: Store) -> None:
    redaction.remember("SECRET", "hunter22-of-this-test")
    store.put([row("a")])
    store.claim(TEAM, "worker", seconds=60)
    (answer,) = store.advance([("a", OutcomeKnown(5.0, "worker", Rejected("no\n\x00\ud800 hunter22-of-this-test" + "x" * 2000), 0.0))])
    assert isinstance(answer, Row)
    assert answer.reason is not None
    assert answer.reason.startswith("no \ufffd [SECRET]xxx")
    assert len(answer.reason) <= 1000
    assert store.find(["a"]) == (answer,)


# Reading.


def test_the_agenda_is_where_something_is_due_and_when_the_next_will_be(store: Store) -> None:
    assert store.agenda() == Agenda((), None)
    now = store.now()
    store.put([row("a", now + 100), row("b", now + 50, MAIL)])
    agenda = store.agenda()
    assert agenda.due == ()
    assert agenda.next == pytest.approx(50, abs=10)
    store.put([row("c", now), row("d", now + 2 * FAR, "slack:ABSURD")])
    assert store.agenda().due == ("slack:ABSURD", TEAM)
    store.claim(TEAM, "worker", seconds=30)
    store.advance([("a", Buried(now)), ("b", Buried(now)), ("d", Buried(now))])
    agenda = store.agenda()
    assert agenda.due == ()
    assert agenda.next == pytest.approx(30, abs=10)


def test_rows_are_found_by_what_they_are(store: Store) -> None:
    store.put([row(name, destination=MAIL if name in "bd" else TEAM) for name in "abcdef"])
    store.advance([(name, Buried(5.0)) for name in "abc"])
    assert keys(store.rows()) == list("abcdef")
    assert keys(store.rows(limit=2)) == ["e", "f"]
    assert keys(store.rows(statuses=[Status.DEAD])) == list("abc")
    assert keys(store.rows(statuses=[Status.DEAD], limit=1)) == ["c"]
    assert keys(store.rows(statuses=[Status.PENDING, Status.LEASED])) == list("def")
    assert keys(store.rows(statuses=[Status.PENDING, Status.DEAD], destination=MAIL)) == ["b", "d"]
    assert keys(store.find(["f", "absent", "a", "\x00"])) == ["a", "f"]


def test_more_keys_than_fit_a_statement_are_found(store: Store) -> None:
    store.put([row(str(number)) for number in range(1200)])
    assert len(store.find([str(number) for number in range(1300)])) == 1200


def test_a_census_counts_by_destination_and_status(store: Store) -> None:
    assert store.census() == ()
    store.put([attrs.evolve(row(name), made=place + 1.0) for place, name in enumerate("abc")])
    store.put([row("d", destination=MAIL)])
    store.advance([("a", Buried(5.0)), ("b", Buried(5.0))])
    assert store.census() == (
        StatusCount(MAIL, Status.PENDING, 1, 1.0),
        StatusCount(TEAM, Status.DEAD, 2, 1.0),
        StatusCount(TEAM, Status.PENDING, 1, 3.0),
    )


# Purge.


def insert_dead(store: Store, names: Sequence[str], at: float) -> None:
    store.put([row(name) for name in names])
    store.advance([(name, Buried(at)) for name in names])


def test_only_what_ended_so_before_is_removed(store: Store) -> None:
    insert_dead(store, ["old"], 10.0)
    insert_dead(store, ["new"], 20.0)
    store.put([row("waits")])
    assert store.purge(20.0) == 0
    assert store.purge(20.0, [Status.DEAD, Status.PENDING]) == 1
    assert keys(store.rows()) == ["new", "waits"]


@pytest.mark.parametrize(("most", "removed"), [(None, 1200), (0, 0), (1, 1), (500, 500), (700, 700), (5000, 1200)])
def test_no_more_is_removed_than_asked(store: Store, most: int | None, removed: int) -> None:
    insert_dead(store, [str(number) for number in range(1200)], 10.0)
    assert store.purge(20.0, [Status.DEAD], most=most) == removed
    assert len(store.rows(limit=5000)) == 1200 - removed


def test_a_purge_gives_the_space_back(tmp_path: Path) -> None:
    path = tmp_path / "outbox.sqlite"
    with closing(Store(f"sqlite:///{path}")) as store:
        store.put([attrs.evolve(row(str(number)), body="x" * 4000) for number in range(3000)])
        store.advance([(str(number), Buried(5.0)) for number in range(3000)])
        full = path.stat().st_size
        assert store.purge(20.0, [Status.DEAD]) == 3000
        assert full > 12_000_000
        assert path.stat().st_size < 200_000
        assert not (path.parent / "outbox.sqlite-wal").stat().st_size


# Threads and processes.


def test_of_many_threads_each_row_is_claimed_by_one(store: Store) -> None:
    def work(number: int) -> list[str]:
        store.put([row(f"{number}.{place}") for place in range(20)])
        return [key for turn in range(8) for key in keys(store.claim(TEAM, f"worker-{number}-{turn}", seconds=60, most=5))]

    with ThreadPoolExecutor(8) as threads:
        claimed = [key for done in threads.map(work, range(8)) for key in done]
    claimed += keys(store.claim(TEAM, "last", seconds=60))
    assert sorted(claimed) == sorted(keys(store.rows(limit=1000)))
    assert len(claimed) == 160


def test_a_child_puts_in_while_its_parent_does(store: Store, url: str) -> None:
    store.put([row("before")])
    assert store.agenda().due
    child = os.fork()
    name = "parent" if child else "child"
    done = [store.put([row(f"{name}.{number}")]) == (True,) for number in range(50)]
    if not child:
        store.close()
        os._exit(not all(done))  # if a put raises, the child goes on with pytest, and its exit status is not 0
    assert all(done)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    store.close()
    with closing(Store(url)) as again:
        assert len(again.rows(limit=1000)) == 101


def test_a_child_forked_during_a_transaction_does_not_use_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fork_safety, "_MAX_CLOSE_DELAY", 0.05)
    with closing(Store(f"sqlite:///{tmp_path}/outbox.sqlite")) as store, inside_transaction(store):
        child = os.fork()
        if not child:
            said = error_of(lambda: store.put([row("child")])) + error_of(lambda: store.put([row("child")]))
            os._exit(said.count("was in use when this process was forked") != 2)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert store.put([row("parent")]) == (True,)
    store.close()


class inside_transaction:  # noqa: N801 - it is used like a function
    """Keep a thread inside a transaction until the end of the block."""

    def __init__(self, store: Store) -> None:
        self._there, self._go = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=store._transaction, args=(self._wait,))

    def _wait(self, _: object) -> None:
        self._there.set()
        assert self._go.wait(PATIENCE)

    def __enter__(self) -> None:
        self._thread.start()
        assert self._there.wait(PATIENCE)

    def __exit__(self, *_: object) -> None:
        self._go.set()
        self._thread.join(PATIENCE)


def error_of(act: Callable[[], object]) -> str:
    with pytest.raises(OutboxError) as caught:
        act()
    return str(caught.value)


def test_a_thread_waits_for_another_one_but_not_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox_database, "_LOCK_TIMEOUT", 0.0)
    with closing(Store(f"sqlite:///{tmp_path}/outbox.sqlite", busy=0.05)) as store:
        with inside_transaction(store):
            assert "another thread of this program holds it all the time" in error_of(lambda: store.put([row("a")]))
        assert store.put([row("a")]) == (True,)


def test_to_close_waits_for_a_bounded_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox_database, "_CLOSE_TIMEOUT", 0.05)
    store = Store(f"sqlite:///{tmp_path}/outbox.sqlite")
    with inside_transaction(store):
        began = time.monotonic()
        store.close()
        assert time.monotonic() - began < PATIENCE / 2
    store.close()


# Properties.


def test_a_store_tells_its_place_and_no_password(store: Store, url: str) -> None:
    assert repr(store) == f"Store({store.place!r})"
    assert "CANARY" not in repr(store)
    assert store.place.rsplit("/", 1)[-1] == url.rsplit("/", 1)[-1]


def test_a_closed_store_may_be_used_again(store: Store) -> None:
    store.put([row("a")])
    store.close()
    store.close()
    assert keys(store.rows()) == ["a"]


def test_nothing_waits_where_no_file_is_and_to_ask_makes_none(tmp_path: Path) -> None:
    with closing(Store(f"sqlite:///{tmp_path}/folder/outbox.sqlite")) as store:
        assert not store.exists
        assert not list(tmp_path.iterdir())
        store.put([row("a")])
        assert store.exists


def test_a_server_may_always_hold_something() -> None:
    assert Store("postgresql://me@127.0.0.1:1/nothing").exists


def test_a_file_that_was_replaced_by_an_empty_one_with_its_inode_is_begun_anew(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/outbox.sqlite")
    assert store.put([row("a")]) == (True,)
    store.close()
    os.truncate(tmp_path / "outbox.sqlite", 0)
    assert store.put([row("b")]) == (True,)
    assert keys(store.rows()) == ["b"]
    store.close()


def test_a_file_that_was_moved_away_is_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "outbox.sqlite"
    with closing(Store(f"sqlite:///{path}")) as store:
        store.put([row("a")])
        store.agenda()
        for found in tmp_path.iterdir():
            found.rename(found.with_name(found.name.replace("outbox", "moved")))
        assert store.put([row("b")]) == (True,)
        assert keys(store.rows()) == ["b"]
    assert keys(Store(f"sqlite:///{tmp_path}/moved.sqlite").rows()) == ["a"]


def test_the_clock_is_that_of_the_database(store: Store) -> None:
    assert store.now() == pytest.approx(time.time(), abs=5)
    assert store.now() <= store.now()


# Query plans.


def plan(store: Store, statement: ClauseElement) -> str:
    """Return the query plan of SQLite."""
    values = {"destination": TEAM, "now": 1.0, "far": 2.0, "most": 3, "digest": "one"}
    compiled = statement.compile(dialect=sqlite.dialect(paramstyle="named"))
    with closing(sqlite3.connect(store.place)) as connection:
        found = connection.execute(f"EXPLAIN QUERY PLAN {compiled}", compiled.params | values).fetchall()
    return "; ".join(step for *_, step in found)


@pytest.mark.parametrize(
    ("statements_", "index"),
    [
        (queries._NEXT, "messages_waiting (destination=? AND due"),
        (queries._WITHOUT_DIGEST, "messages_waiting (destination=? AND due"),
        ([queries._IN_DIGEST], "messages_in_digest (destination=? AND digest=?)"),
    ],
    ids=["next", "without_digest", "in_digest"],
)
def test_a_claim_reads_an_index_and_no_more(statements_: Sequence[ClauseElement], index: str, tmp_path: Path) -> None:
    with closing(Store(f"sqlite:///{tmp_path}/outbox.sqlite")) as store:
        store.put([row("a")])
        for statement in statements_:
            assert index in plan(store, statement)
            assert "SCAN" not in plan(store, statement)
            assert index.startswith("messages_in_digest") or "TEMP B-TREE" not in plan(store, statement)


def test_an_agenda_reads_an_index_and_no_more(tmp_path: Path) -> None:
    with closing(Store(f"sqlite:///{tmp_path}/outbox.sqlite")) as store:
        store.put([row("a")])
        steps = [step for step in plan(store, queries._DUE_TIMES).split("; ") if " messages" in step]
        assert len(steps) == 5
        assert all("USING COVERING INDEX messages_waiting" in step for step in steps)


def test_files_are_read_apart_and_go_when_the_message_is_delivered(store: Store) -> None:
    whole = attrs.evolve(row("a"), files=bytes(range(256)) * 40_000)
    assert store.put([whole, row("b")]) == (True, True)
    found = store.rows()
    assert [each.files for each in found] == [None, None]
    assert store.files("a") == whole.files
    assert store.files("b") is None
    at = store.now()
    (leased, _) = store.claim(TEAM, "worker", seconds=60.0)
    assert leased.files is None
    assert store.files("a") == whole.files
    store.advance([("a", Grouped(at, "worker", "a")), ("a", OutcomeKnown(at, "worker", Delivered(), 0.5))])
    assert store.find(["a"])[0].status is Status.DELIVERED
    assert store.files("a") is None
