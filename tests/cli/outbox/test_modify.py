"""``tocsin outbox retry``, ``bury`` and ``purge``: the messages that they change, and those that they refuse."""

import json

import attrs
import pytest

from tests.cli.outbox.filled_outbox import Kept, key, message
from tests.cli.terminal_session import Typist
from tocsin.cli.outbox import modify
from tocsin.core.outbox.model import Row, Status
from tocsin.shell.outbox.codec import new_row

ALL = (Status.DELIVERED, Status.DEAD, Status.UNKNOWN, Status.DELAYED, Status.LEASED, Status.PENDING)


def over(number: int, status: Status) -> Row:
    """A message that ended long ago."""
    return attrs.evolve(new_row(message(number), 0.0), status=status, ended=1.0)


def test_those_that_are_named_are_tried_again_from_the_beginning(tocsin: Typist, kept: Kept) -> None:
    kept.put(*ALL)
    seen = tocsin("outbox", "retry", key(1), key(2), key(1))
    said = "to be retried: 2: the next worker or tocsin outbox drain sends 2 messages\n"
    assert (seen.status, seen.out, seen.err) == (0, said, "")
    assert [kept.status(number) for number in range(6)] == [ALL[0], Status.PENDING, Status.PENDING, *ALL[3:]]
    assert kept.rows()[key(1)].attempts == 0
    assert kept.rows()[key(2)].repeated


def test_those_that_cannot_be_are_said(tocsin: Typist, kept: Kept) -> None:
    kept.put(*ALL)
    seen = tocsin("outbox", "retry", key(0), key(4), "nope", key(1))
    assert (seen.status, seen.out[:17]) == (1, "to be retried: 1:")
    assert seen.err.splitlines() == [
        "tocsin: there is no nope in the outbox: tocsin outbox list shows the keys",
        f"tocsin: {key(0)} is delivered",
        f"tocsin: {key(4)} is being sent: try again when its lease has ended",
    ]
    seen = tocsin("outbox", "retry", key(0), "--json")
    assert (seen.status, json.loads(seen.out), seen.err) == (1, {"done": 0, "refused": [f"{key(0)} is delivered"]}, "")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], [1]),
        (["--status=unknown"], [2]),
        (["--status=delayed", "--status=dead"], [1, 3]),
    ],
)
def test_all_that_stand_so(tocsin: Typist, kept: Kept, options: list[str], expected: list[int]) -> None:
    kept.put(*ALL)
    seen = tocsin("outbox", "retry", "--all", *options)
    assert (seen.status, seen.err) == (0, "")
    assert seen.out.startswith(f"to be retried: {len(expected)}: ")
    changed = [number for number, status in enumerate(ALL) if kept.status(number) is not status]
    assert changed == expected


def test_however_many_they_are_each_once(tocsin: Typist, kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(modify, "_PORTION", 3)
    for number in range(10):
        kept.put_row(over(number, Status.DEAD))
    assert json.loads(tocsin("outbox", "retry", "--all", "--json").out) == {"done": 10, "refused": []}
    assert {row.status for row in kept.rows().values()} == {Status.PENDING}
    assert tocsin("outbox", "retry", "--all").out == "to be retried: 0\n"


@pytest.mark.parametrize("typed", [[], ["--all", "x"], ["--all", "--status=delivered"], ["--status=dead"]])
def test_what_makes_no_sense_is_one_line(tocsin: Typist, kept: Kept, typed: list[str]) -> None:
    kept.put(Status.DEAD)
    seen = tocsin("outbox", "retry", *typed)
    assert (seen.status, seen.out, seen.err.count("\n")) == (2, "", 1)
    assert seen.err.startswith("tocsin: ")
    assert kept.status(0) is Status.DEAD


def test_buried_is_dead_and_kept(tocsin: Typist, kept: Kept) -> None:
    kept.put(*ALL)
    seen = tocsin("outbox", "bury", key(5), key(3), key(2))
    assert (seen.status, seen.out, seen.err) == (0, "buried: 3\n", "")
    assert [kept.status(number) for number in range(6)] == [*ALL[:2], Status.DEAD, Status.DEAD, ALL[4], Status.DEAD]
    assert kept.rows()[key(5)].reason == "buried by hand"


def test_what_is_being_sent_is_not_buried(tocsin: Typist, kept: Kept) -> None:
    kept.put(*ALL)
    seen = tocsin("outbox", "bury", key(4))
    said = f"tocsin: {key(4)} is being sent: try again when its lease has ended\n"
    assert (seen.status, seen.out, seen.err) == (1, "buried: 0\n", said)
    assert kept.status(4) is Status.LEASED


def test_purge_removes_what_was_delivered_and_says_what_is_kept(tocsin: Typist, kept: Kept) -> None:
    for number, status in enumerate((Status.DELIVERED, Status.DEAD, Status.UNKNOWN, Status.DEAD)):
        kept.put_row(over(number, status))
    kept.put_row(new_row(message(4), 0.0))
    seen = tocsin("outbox", "purge", "--older-than=7d")
    assert (seen.status, seen.out, seen.err) == (0, "removed: 1 delivered; kept: 2 dead, 1 unknown\n", "")
    assert set(kept.rows()) == {key(number) for number in (1, 2, 3, 4)}
    seen = tocsin("outbox", "purge", "--older-than=7d", "--status=dead", "--status=unknown", "--json")
    assert json.loads(seen.out) == {"removed": 3, "statuses": ["dead", "unknown"], "kept": {"dead": 0, "unknown": 0}}
    assert set(kept.rows()) == {key(4)}
    assert tocsin("outbox", "purge", "--older-than=7d").out == "removed: 0 delivered\n"


def test_what_is_younger_stays(tocsin: Typist, kept: Kept) -> None:
    kept.put(Status.DELIVERED)
    assert tocsin("outbox", "purge", "--older-than=1h").out == "removed: 0 delivered\n"
    assert tocsin("outbox", "purge", "--older-than=0s").out == "removed: 1 delivered\n"


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["--older-than=soon"], "tocsin: --older-than takes an age such as 7d, 12h or 30m, not 'soon'\n"),
        (["--older-than=7d", "--status=pending"], "tocsin: what is pending is never removed, since it is still to be sent: "),
    ],
)
def test_a_purge_that_makes_no_sense(tocsin: Typist, kept: Kept, typed: list[str], said: str) -> None:
    kept.put_row(over(0, Status.DELIVERED))
    seen = tocsin("outbox", "purge", *typed)
    assert (seen.status, seen.out) == (2, "")
    assert seen.err.startswith(said)
    assert len(kept.rows()) == 1


@pytest.mark.parametrize("command", ["retry", "bury"])
def test_the_beginning_of_a_key_is_enough(tocsin: Typist, kept: Kept, command: str) -> None:
    kept.put(*[Status.DEAD] * 2, *[Status.UNKNOWN] * 10)
    seen = tocsin("outbox", command, "r1.load..7", key(7), "r1.load..8.", "--json")
    assert (seen.status, json.loads(seen.out), seen.err) == (0, {"done": 2, "refused": []}, "")
    after = Status.PENDING if command == "retry" else Status.DEAD
    assert [kept.status(number) for number in (6, 7, 8, 9)] == [Status.UNKNOWN, after, after, Status.UNKNOWN]


@pytest.mark.parametrize("command", ["retry", "bury"])
def test_a_beginning_of_two_keys_or_of_none_changes_nothing(tocsin: Typist, kept: Kept, command: str) -> None:
    kept.put(Status.DEAD, *[Status.UNKNOWN] * 10)
    seen = tocsin("outbox", command, "r1.load..1", "", "R1", key(5))
    assert (seen.status, seen.out.partition(":")[0]) == (1, "to be retried" if command == "retry" else "buried")
    assert seen.err.splitlines() == [
        f"tocsin: 2 messages have a key that begins with r1.load..1: write more of it ({key(1)}, {key(10)})",
        "tocsin: there is no in the outbox: tocsin outbox list shows the keys",
        "tocsin: there is no R1 in the outbox: tocsin outbox list shows the keys",
    ]
    after = Status.PENDING if command == "retry" else Status.DEAD
    assert [kept.status(number) for number in (1, 5, 10)] == [Status.UNKNOWN, after, Status.UNKNOWN]
