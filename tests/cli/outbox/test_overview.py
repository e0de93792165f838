"""``tocsin outbox list``: which messages it shows, as a table and as JSON."""

import json
import re

import attrs
import pytest

from tests.cli.outbox.filled_outbox import GMAIL, SLACK, Kept, key, message
from tests.cli.terminal_session import Typist
from tocsin.core.outbox.model import Row, Status
from tocsin.shell.outbox.codec import new_row

SAYS = "load failed after 4 m 12 s: OSError: disk `full`, & <!channel> [red]said[/red] :smile:"


def test_the_newest_is_the_last(tocsin: Typist, kept: Kept) -> None:
    kept.put(Status.DEAD, Status.DELAYED, Status.LEASED, Status.PENDING)
    seen = tocsin("outbox", "list")
    assert (seen.status, seen.err) == (0, "")
    lines = [re.split(r" {2,}", line) for line in seen.out.splitlines()]
    assert [line[:3] for line in lines] == [
        ["● dead", key(0), SLACK],
        ["● delayed", key(1), SLACK],
        ["● leased", key(2), SLACK],
        ["● pending", key(3), SLACK],
    ]
    assert [line[4:] for line in lines] == [
        ["1 attempt", SAYS, "no_such_team"],
        ["1 attempt", SAYS, "Slack is busy"],
        ["1 attempt", SAYS],
        [SAYS],
    ]


def test_of_one_status_of_one_destination_and_no_more_than_asked_for(tocsin: Typist, kept: Kept) -> None:
    kept.put(Status.DEAD, Status.UNKNOWN, *[Status.PENDING] * 30)
    kept.put_row(new_row(message(99, mail=True), 0.0))
    assert len(tocsin("outbox", "list").out.splitlines()) == 20
    assert tocsin("outbox", "list", "--limit=1").out.startswith("● pending  r1.load..99.0")
    assert len(tocsin("outbox", "list", "--status=dead", "--status", "unknown").out.splitlines()) == 2
    assert len(tocsin("outbox", "list", f"--destination={GMAIL}").out.splitlines()) == 1
    seen = tocsin("outbox", "list", "--destination=elsewhere")
    assert (seen.status, seen.out) == (0, f"there is no such message in the outbox at {kept.path}\n")


def test_the_same_for_programs(tocsin: Typist, kept: Kept) -> None:
    kept.put(Status.DEAD)
    seen = tocsin("outbox", "list", "--json")
    whole = json.loads(seen.out)
    (found,) = whole.pop("messages")
    assert whole == {"place": str(kept.path), "exists": True}
    for moment in ("made", "since", "due", "ended"):
        assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+00:00", found.pop(moment))
    said = {"says": SAYS, "reason": "no_such_team", "attempts": 1, "repeated": False, "digest": None}
    assert found == {"key": key(0), "destination": SLACK, "status": "dead", "kind": "PostToSlack", "version": 1, **said}


BAD = Row.new(key="bad\nkey", destination="slack:\x1b[31mX", kind="PostToSlack", version=1, body="{", at=-1e300)


@pytest.mark.parametrize(
    "row",
    [BAD, attrs.evolve(BAD, kind="Fax"), attrs.evolve(BAD, version=2), attrs.evolve(BAD, body="[" * 100_000)],
    ids=["damaged", "kind", "version", "deep"],
)
def test_a_row_that_is_no_message_is_a_line_like_others(tocsin: Typist, kept: Kept, row: Row) -> None:
    kept.put_row(row)
    seen = tocsin("outbox", "list")
    assert (seen.status, seen.err) == (0, "")
    assert re.fullmatch(r"● pending  bad key  slack:X  \d+ d .*  \(it cannot be read: see why with tocsin outbox show\)\n", seen.out)
    (found,) = json.loads(tocsin("outbox", "list", "--json").out)["messages"]
    assert (found["key"], found["made"]) == ("bad\nkey", "1970-01-01T00:00:00+00:00")


def test_a_content_that_makes_no_sense_is_one_too(tocsin: Typist, kept: Kept) -> None:
    row = new_row(message(0), 0.0)
    body = json.loads(row.body)
    told = {"key": body["key"], "count": 2, "failed": 0, "states": [], "names": [], "places": [], "first": []}
    glimpse = {"sentence": "x", "at": "0001-01-01T00:00:00+14:00"}
    body["content"] = ["Tally", {**told, "last": glimpse, "began": glimpse["at"], "ended": glimpse["at"], "color": "red"}]
    kept.put_row(attrs.evolve(row, body=json.dumps(body)))
    seen = tocsin("outbox", "list")
    assert (seen.status, seen.out.count("\n"), seen.err) == (0, 1, "")


def test_colours_on_a_terminal(tocsin: Typist, kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    kept.put(Status.DEAD)
    for name, value in (("FORCE_COLOR", "1"), ("COLORTERM", "truecolor"), ("TERM", "xterm-256color"), ("COLUMNS", "200")):
        monkeypatch.setenv(name, value)
    assert tocsin("outbox", "list").out.startswith("\x1b[38;2;235;0;0m● dead")


@pytest.mark.parametrize("options", [["--limit=0"], ["--limit=1000000"], ["--status=ded"]])
def test_what_makes_no_sense(tocsin: Typist, options: list[str]) -> None:
    assert tocsin("outbox", "list", *options).status == 2
