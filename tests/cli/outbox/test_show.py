"""``tocsin outbox show``: a whole message, also a damaged one."""

import json

import attrs
import pytest

from tests.cli.outbox.filled_outbox import LEASE, SLACK, Kept, key, message
from tests.cli.terminal_session import Typist
from tocsin.core.outbox.model import Row, Status
from tocsin.shell.outbox.codec import new_row

ROW = Row.new(key=key(0), destination=SLACK, kind="PostToSlack", version=1, body="{}", at=0.0)


def test_what_people_see_and_where_it_stands(tocsin: Typist, kept: Kept) -> None:
    kept.put(Status.DEAD)
    seen = tocsin("outbox", "show", key(0))
    assert (seen.status, seen.err) == (0, "")
    head, drawn = seen.out.split("\n\n", 1)
    facts = dict(line.split("  ", 1) for line in head.splitlines())
    assert {name: facts[name].strip() for name in ("key", "status", "destination", "attempts", "reason", "stored as")} == {
        "key": key(0),
        "status": "● dead",
        "destination": SLACK,
        "attempts": "1",
        "reason": "no_such_team",
        "stored as": "PostToSlack, version 1",
    }
    assert {"added", "ended"} < facts.keys()
    assert not {"due", "lease ends", "leased by"} & facts.keys()
    assert drawn.startswith("Slack, to the webhook in SLACK_WEBHOOK_URL\nload ")
    assert "\n▌ Failed\n▌ load is now in a Failed state\n" in drawn


def test_a_mail_that_is_being_sent_perhaps_again(tocsin: Typist, kept: Kept) -> None:
    row = attrs.evolve(new_row(message(0, mail=True), 0.0), claim="worker-1", status=Status.LEASED, due=LEASE)
    kept.put_row(attrs.evolve(row, attempts=2, repeated=True, digest="r1.digest..0.0"))
    out = tocsin("outbox", "show", key(0)).out
    for line in (
        "lease ends     1970-01-01 01:00:00 UTC",
        "attempts       2 (an earlier one may have arrived)",
        "in the digest  r1.digest..0.0",
        "leased by      worker-1",
        "Mail, from the account in EMAIL_USERNAME",
    ):
        assert f"\n{line}\n" in out


def test_the_beginning_of_a_key_is_enough_where_it_is_one(tocsin: Typist, kept: Kept) -> None:
    kept.put(*[Status.PENDING] * 11)
    assert f"{key(7)}\n" in tocsin("outbox", "show", "r1.load..7").out
    assert f"{key(1)}\n" in tocsin("outbox", "show", key(1)).out
    seen = tocsin("outbox", "show", "r1.load..1")
    said = "tocsin: 2 messages have a key that begins with r1.load..1: write more of it (r1.load..1.0, r1.load..10.0)\n"
    assert (seen.status, seen.out, seen.err) == (1, "", said)
    seen = tocsin("outbox", "show", "r1")
    assert seen.err.endswith("(r1.load..0.0, r1.load..1.0, r1.load..2.0, ...)\n")
    for nothing in ("", "r2"):
        seen = tocsin("outbox", "show", nothing)
        said = f"tocsin: there is no {nothing} in the outbox: tocsin outbox list shows the keys\n".replace("  ", " ")
        assert (seen.status, seen.out, seen.err) == (1, "", said)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (attrs.evolve(ROW, body='{"webhook_secret": 7, "x": "\x1b[31m"}'), "is damaged"),
        (
            attrs.evolve(ROW, version=4),
            "was written by a newer tocsin (version 4, and this one reads 3): upgrade tocsin, then: ",
        ),
        (attrs.evolve(ROW, kind="Fax"), "is of a kind that this tocsin does not know, Fax: upgrade tocsin, then: tocsin outbox retry"),
    ],
)
def test_one_that_no_longer_decodes(tocsin: Typist, kept: Kept, row: Row, said: str) -> None:
    kept.put_row(row)
    seen = tocsin("outbox", "show", key(0))
    assert (seen.status, seen.err) == (0, "")
    assert said in " ".join(seen.out.split())
    assert seen.out.endswith(f"{row.body}\n".replace("\x1b[31m", ""))
    found = json.loads(tocsin("outbox", "show", key(0), "--json").out)
    assert said in found["unreadable"]
    assert found["body"] == row.body


def test_the_same_for_programs(tocsin: Typist, kept: Kept) -> None:
    kept.put(Status.LEASED)
    found = json.loads(tocsin("outbox", "show", key(0), "--json").out)
    assert (found["key"], found["status"], found["claim"]) == (key(0), "leased", f"worker-{key(0)}")
    assert (found["unreadable"], found["ended"]) == (None, None)
    assert json.loads(found["body"])["webhook_secret"] == "SLACK_WEBHOOK_URL"


def test_a_message_that_cannot_be_drawn_is_shown_as_it_is_kept(tocsin: Typist, kept: Kept) -> None:
    row = new_row(message(0), 0.0)
    body = json.loads(row.body)
    body["payload"]["ts"] = 10**30
    kept.put_row(attrs.evolve(row, body=json.dumps(body)))
    seen = tocsin("outbox", "show", key(0))
    assert (seen.status, seen.err) == (0, "")
    assert "\nit cannot be displayed (OverflowError: " in seen.out
    assert '"ts": 1000000000' in " ".join(seen.out.split())
