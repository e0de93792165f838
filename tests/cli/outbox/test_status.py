"""``tocsin outbox status``, and the output of all commands without a usable outbox."""

import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.outbox.filled_outbox import GMAIL, SLACK, Kept, key
from tests.cli.terminal_session import Typist
from tocsin.core.outbox.model import Status


def test_all_that_waits_is_no_reason_to_do_anything(tocsin: Typist, kept: Kept) -> None:
    kept.put(Status.DELIVERED, Status.DELAYED, Status.LEASED, Status.PENDING, Status.PENDING)
    seen = tocsin("outbox", "status")
    place, line, last = seen.out.splitlines()
    assert (seen.status, seen.err, place, last) == (0, "", str(kept.path), "no action is needed")
    counts = "● 2 pending  ● 1 leased  ● 1 delivered  ● 1 delayed"
    assert re.fullmatch(rf"{SLACK}  {counts}  oldest waiting: [0-9.]+ m?s", line)


def test_dead_and_unknown_messages_need_action(tocsin: Typist, kept: Kept) -> None:
    kept.put(Status.DEAD, Status.UNKNOWN)
    seen = tocsin("outbox", "status")
    assert (seen.status, seen.out.splitlines()[1:]) == (
        1,
        [
            f"{SLACK}  ● 1 dead  ● 1 unknown",
            "1 message given up, and kept: see why with tocsin outbox list --status dead",
            "1 message may have arrived, or not: see which with tocsin outbox list --status unknown",
        ],
    )


def test_the_same_for_programs(tocsin: Typist, kept: Kept) -> None:
    kept.put(Status.DEAD, Status.PENDING, mail=True)
    seen = tocsin("outbox", "status", "--json")
    whole = json.loads(seen.out)
    (goal,) = whole.pop("destinations")
    assert 0.0 <= goal.pop("oldest_waiting_seconds") < 60.0
    zero = {"leased": 0, "delivered": 0, "delayed": 0, "unknown": 0}
    assert goal == {"destination": GMAIL, "pending": 1, "dead": 1, **zero}
    todo = ["1 message given up, and kept: see why with tocsin outbox list --status dead"]
    assert whole == {"place": str(kept.path), "exists": True, "waiting": 1, "dead": 1, "unknown": 0, "to_do": todo}
    assert (seen.status, seen.err) == (1, "")


@pytest.mark.parametrize(
    ("command", "status"),
    [
        (["status"], 0),
        (["list"], 0),
        (["drain"], 0),
        (["show", key(0)], 1),
        (["retry", key(0)], 1),
        (["retry", "--all"], 0),
        (["bury", key(0)], 1),
        (["purge", "--older-than=7d"], 0),
    ],
)
@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.tocsin_live
def test_where_there_is_none_nothing_is_made(tocsin: Typist, kept: Kept, command: list[str], status: int, as_json: bool) -> None:
    seen = tocsin("outbox", *command, *(["--json"] if as_json else []))
    assert seen.status == status
    assert not kept.path.parent.exists()
    if as_json and command[0] != "show":
        assert isinstance(json.loads(seen.out), dict)
        assert seen.err == ""
    elif command[0] in {"status", "list", "drain"}:
        assert (seen.out, seen.err) == (f"nothing waits: there is no outbox at {kept.path} yet\n", "")
    elif status:
        assert f"nothing waits: there is no outbox at {kept.path} yet\n" in seen.err
        assert seen.err.count("\n") == 1


@pytest.mark.parametrize(
    "command",
    [["status"], ["list"], ["show", "x"], ["drain"], ["retry", "--all"], ["bury", "x"], ["purge", "--older-than=1d"]],
    ids=" ".join,
)
@pytest.mark.tocsin_live
def test_one_that_cannot_be_used_is_one_line(tocsin: Typist, kept: Kept, command: list[str]) -> None:
    kept.path.parent.mkdir()
    kept.path.write_text("dear diary, " * 100)
    seen = tocsin("outbox", *command)
    assert (seen.status, seen.out) == (2, "")
    assert seen.err.startswith(f"tocsin: the outbox at {kept.path} cannot be used: ")
    assert seen.err.count("\n") == 1
    assert kept.path.read_text().startswith("dear diary")


@pytest.mark.parametrize(
    "command",
    [["status"], ["list"], ["show", "x"], ["drain"], ["retry", "--all"], ["retry", "x"], ["bury", "x"], ["purge", "--older-than=1d"]],
    ids=" ".join,
)
@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.tocsin_live
def test_a_file_that_is_named_and_not_there_is_an_error(tocsin: Typist, kept: Kept, command: list[str], as_json: bool) -> None:
    kept.put(Status.PENDING)  # into the configured one, which is not asked
    typo = kept.path.with_name("outbxo.sqlite")
    seen = tocsin("outbox", *command, "--file", str(typo), *(["--json"] if as_json else []))
    assert (seen.status, seen.out) == (2, "")
    assert seen.err == f"tocsin: there is no outbox at {typo}: correct --file, or leave it out for the configured outbox\n"
    assert not typo.exists()


@pytest.mark.parametrize("statement", ["", "CREATE TABLE accounts (name TEXT)"], ids=["empty", "of another program"])
@pytest.mark.parametrize("command", [["status"], ["drain", "--watch"]], ids=" ".join)
@pytest.mark.tocsin_live
def test_a_file_that_is_named_and_no_outbox_is_left_as_it_is(
    tocsin: Typist, tmp_path: Path, command: list[str], statement: str
) -> None:
    path = tmp_path / "accounts & more.sqlite"
    path.touch()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(statement)
    before = path.read_bytes()
    seen = tocsin("outbox", *command, "--file", str(path))
    assert (seen.status, seen.out) == (2, "")
    assert seen.err == f"tocsin: there is no outbox at {path}: correct --file, or leave it out for the configured outbox\n"
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.glob("accounts*")] == [path.name]
