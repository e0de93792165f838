"""An outbox that an earlier tocsin wrote is read, shown and sent by this one, with the same meaning of each row."""

import json
import re
import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import ClassVar, assert_never

import attrs
import pytest
from returns.io import IOResult

from tests.cli.terminal_session import Typist
from tests.servers.authority import Authority
from tests.servers.gmail import GmailServer
from tests.servers.slack import SlackServer
from tests.servers.slack_api import SlackApiServer
from tocsin import Live
from tocsin.adapters import Gmail, SlackWebhook
from tocsin.core.changes import Key
from tocsin.core.effects import Effect, Message, PostToSlack, SendEmail
from tocsin.core.messages.content import Content
from tocsin.core.messages.digest_summary import DigestSummary
from tocsin.core.outbox.model import WAITING, Row, Status, row_name
from tocsin.core.outbox.state_machine import OutcomeKnown
from tocsin.core.outcomes import Delivered, DeliveryError, Receipt
from tocsin.shell.interpreter import result_of
from tocsin.shell.outbox.codec import decode, destination_name, encode
from tocsin.shell.outbox.database import Database
from tocsin.shell.outbox.store import Store
from tocsin.shell.outbox.worker import Worker

DATA = Path(__file__).parents[2] / "data"


@attrs.frozen
class Before:
    """A row as it was when it was written.

    Args:
        about: its purpose.
        row: its values, by names that only this file uses.
        message: the message in it, by such names; None if it holds no readable message.
        shown: its entry in the output of ``tocsin outbox list --json``.
    """

    about: str
    row: Mapping[str, object]
    message: Mapping[str, object] | None
    shown: Mapping[str, object]

    @property
    def key(self) -> str:
        return str(self.row["key"])

    @property
    def waits(self) -> bool:
        """Whether its message is still to be sent."""
        return self.row["status"] in {"pending", "leased", "delayed"}


BEFORE = tuple(Before(**each) for each in json.loads((DATA / "outbox.json").read_text(encoding="utf-8")))
DUMP: Sequence[Mapping[str, object]] = [json.loads(line) for line in (DATA / "outbox.jsonl").read_text(encoding="utf-8").splitlines()]
SENT = tuple(each for each in BEFORE if each.waits and each.message is not None)
NAMED = pytest.mark.parametrize("before", BEFORE, ids=[each.about for each in BEFORE])


# --- in words that stay ---------------------------------------------------------------------------------------------------------


def fields_of(row: Row) -> dict[str, object]:
    return {
        "key": row.key,
        "destination": row.destination,
        "kind": row.kind,
        "version": row.version,
        "made": row.made,
        "since": row.since,
        "due": row.due,
        "status": row.status.value,
        "attempts": row.attempts,
        "claim": row.claim,
        "repeated": row.repeated,
        "digest": row.digest,
        "reason": row.reason,
        "ended": row.ended,
    }


def meaning(message: Message | str) -> dict[str, object] | None:
    """Describe a message and its destination; None for a text that explains an unreadable row."""
    if isinstance(message, str):
        return None
    goes, body = _post(message) if isinstance(message, PostToSlack) else _letter(message)
    return {"goes": goes, "key": named(message.key), **body, "says": said(message.content)}


def _post(message: PostToSlack) -> tuple[dict[str, object], dict[str, object]]:
    bot = None if message.bot is None else [message.bot.token_secret, message.bot.channel]
    return {"webhook": message.webhook_secret, "bot": bot}, {"slack": json.loads(message.payload.to_json())["attachments"][0]}


def _letter(message: SendEmail) -> tuple[dict[str, object], dict[str, object]]:
    mail = message.mail
    to = None if mail.recipients is None else list(mail.recipients)
    return (
        {"username": message.username_secret, "password": message.password_secret, "to": to, "cc": list(mail.cc)},
        {"mail": {"subject": mail.subject, "plain": mail.plain, "html": mail.html, "at": mail.at.isoformat()}},
    )


def named(key: Key) -> dict[str, object]:
    return {
        "run": key.run_id,
        "slug": key.slug,
        "index": key.map_index,
        "ordinal": key.ordinal,
        "position": key.position,
    }


def said(content: Content | DigestSummary | None) -> dict[str, object] | None:
    match content:
        case None:
            return None
        case Content():
            return {"one": one(content)}
        case DigestSummary():
            return {"tally": many(content)}
        case _:
            assert_never(content)


def one(content: Content) -> dict[str, object]:
    return {
        "name": content.name,
        "sentence": content.sentence,
        "headline": content.headline,
        "state": content.state,
        "failed": content.failed,
        "color": content.color,
        "at": content.at.isoformat(),
        "link": content.link,
        "lines": [[line.title, line.text, line.quoted, line.ours, line.short] for line in content.lines],
    }


def many(summary: DigestSummary) -> dict[str, object]:
    return {
        "key": named(summary.key),
        "count": summary.count,
        "failed": summary.failed,
        "states": [list(counted) for counted in summary.states],
        "names": [list(counted) for counted in summary.names],
        "places": [list(counted) for counted in summary.places],
        "first": [[excerpt.sentence, excerpt.at.isoformat()] for excerpt in summary.first],
        "last": [summary.last.sentence, summary.last.at.isoformat()],
        "began": summary.began.isoformat(),
        "ended": summary.ended.isoformat(),
        "color": summary.color,
    }


# --- the file -----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A copy of the outbox."""
    return Path(shutil.copy(DATA / "outbox.sqlite", tmp_path))


@pytest.fixture
def store(file: Path) -> Iterator[Store]:
    """The copy, opened."""
    with closing(Store(f"sqlite:///{file}")) as store:
        yield store


@pytest.fixture
def tocsin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Typist:
    """Types commands in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return Typist(tmp_path, capsys)


def dumped(file: Path) -> list[dict[str, object]]:
    """Return all rows of the file, as SQLite returns them."""
    with closing(sqlite3.connect(file)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(record) for record in connection.execute("SELECT * FROM messages ORDER BY number")]


def test_there_is_a_row_of_each_kind_in_each_status() -> None:
    assert {each.row["status"] for each in BEFORE} == {status.value for status in Status}
    assert {each.row["kind"] for each in BEFORE if each.message} == {"PostToSlack", "SendEmail"}
    assert len(SENT) == len(BEFORE) - 20 == 44


def test_the_dump_is_what_is_in_the_file(file: Path) -> None:
    assert dumped(file) == DUMP


MIGRATED = [{**each, "pause": None, "files": None} for each in DUMP]
"""The rows after the migrations to versions 2 and 3, which add a column each."""


def test_to_open_it_adds_what_a_later_version_has_and_changes_nothing_else(file: Path, store: Store) -> None:
    assert store.put([store.rows(limit=1)[0]]) == (False,)
    store.close()
    assert dumped(file) == MIGRATED


@NAMED
def test_a_row_is_read_as_it_was_kept(before: Before, store: Store) -> None:
    (row,) = store.find([before.key])
    assert fields_of(row) == before.row
    assert meaning(decode(row)) == before.message


def test_all_of_them_are_there_and_in_order(store: Store) -> None:
    assert [row.key for row in store.rows(limit=1000)] == [before.key for before in BEFORE]


@NAMED
def test_what_is_read_is_written_in_the_same_way(before: Before, store: Store) -> None:
    (row,) = store.find([before.key])
    message = decode(row)
    if isinstance(message, str):
        assert before.message is None
        return
    again = encode(message)
    assert (again.kind, again.version, again.body) == (row.kind, row.version, row.body)
    assert (row_name(message.key), destination_name(message)) == (row.key, row.destination)


def test_the_answer_to_a_lease_counts(store: Store) -> None:
    for row in store.rows(statuses=[Status.LEASED]):
        assert row.claim is not None
        (moved,) = store.advance([(row.key, OutcomeKnown(row.due, row.claim, Delivered(), 0.5))])
        assert isinstance(moved, Row)
        assert (moved.status, moved.ended) == (Status.DELIVERED, row.due)


# --- sent ---------------------------------------------------------------------------------------------------------------------


@attrs.frozen
class Sender:
    """Records the effects and answers ``Delivered``."""

    notify: ClassVar[str] = "none"  # it sends nothing, so it is asked whatever the environment says

    effects: list[Effect] = attrs.field(factory=list[Effect])

    def __call__(self, effect: Effect, /) -> IOResult[Receipt, DeliveryError]:
        self.effects.append(effect)
        return result_of(Delivered())


TOGETHER = {digest for digest, count in Counter(each.row["digest"] for each in SENT).items() if digest is not None and count > 1}
"""The digests of several rows whose leases ended; they are sent again unchanged."""


def keys_to_send() -> Counter[str]:
    """Return the key of each message to send."""
    return Counter({str(each.row["digest"] or each.key) for each in SENT})


def drained(store: Store, inner: Sender | Live) -> None:
    """Send all messages, singly except for known digests."""
    worker = Worker(store, inner, threshold=1000, min_interval=0.0)
    while worker.turn():
        pass


def key_of(effect: Effect) -> str:
    """Return the key at the foot of a message."""
    assert isinstance(effect, PostToSlack | SendEmail)
    said = effect.payload.footer if isinstance(effect, PostToSlack) else effect.mail.plain.rstrip("\n")
    assert said is not None
    return said.rpartition("key ")[2]


def test_what_waits_is_sent_each_once(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    sender = Sender()
    drained(store, sender)
    assert Counter(key_of(effect) for effect in sender.effects) == keys_to_send()
    statuses = {row.key: row.status for row in store.rows(limit=1000)}
    assert all(statuses[each.key] is Status.DELIVERED for each in SENT)
    unreadable = [each for each in BEFORE if each.message is None]
    assert [statuses[each.key] for each in unreadable] == [Status.DEAD] * 4
    assert all(sum(each.key in text for text in caplog.messages) == 1 for each in unreadable)
    assert not any(row.status in WAITING for row in store.rows(limit=1000))


@pytest.fixture
def api(authority: Authority) -> Iterator[SlackApiServer]:
    """A server with the Web API of Slack."""
    server = SlackApiServer(authority.good)
    yield server
    server.stop()


@pytest.fixture
def live(authority: Authority, slack_server: SlackServer, gmail_server: GmailServer, api: SlackApiServer) -> Iterator[Live]:
    """The real interpreter with servers of the tests, and with all secrets that the rows name."""
    webhooks = {str(goes["webhook"]) for goes in destinations() if goes.get("webhook")}
    apps = {str(bot[0]) for goes in destinations() if isinstance(bot := goes.get("bot"), list)}
    live = Live(
        secrets={
            **dict.fromkeys(webhooks, slack_server.url),
            **dict.fromkeys(apps, api.token),
            **dict.fromkeys(("EMAIL_USERNAME", "OTHER_NAME"), gmail_server.username),
            **dict.fromkeys(("EMAIL_PASSWORD", "OTHER_PASSWORD"), gmail_server.password),
        },
        slack=SlackWebhook(allowed_hosts=("127.0.0.1",), ca_bundle=authority.bundle, proxies={}, api=api.url),
        mail=Gmail(host="127.0.0.1", port=gmail_server.port, ca_bundle=authority.bundle),
    )
    yield live
    live.slack.close()
    live.mail.close()


def destinations() -> list[Mapping[str, object]]:
    found = [each.message["goes"] for each in SENT if each.message]
    return [goes for goes in found if isinstance(goes, dict)]


def title(message: Mapping[str, object]) -> object:
    """Return the title for Slack; None for a mail."""
    slack = message.get("slack")
    return slack["title"] if isinstance(slack, dict) else None


def addressed(message: Mapping[str, object], account: str) -> tuple[str, ...]:
    """Return the recipients of a mail."""
    goes = message["goes"]
    assert isinstance(goes, dict)
    return (*(goes["to"] or [account]), *goes["cc"])


@pytest.mark.tocsin_live
def test_real_servers_get_all_of_it(
    store: Store, live: Live, slack_server: SlackServer, gmail_server: GmailServer, api: SlackApiServer
) -> None:
    drained(store, live)
    posted = [json.loads(request.body)["attachments"][0] for request in slack_server.requests]
    spoken = [posted.attachments[0] for posted in api.messages]
    mailed = [message_from_bytes(mail.content, policy=default) for mail in gmail_server.mails]
    assert (len(posted), len(spoken), len(mailed)) == (27, 5, 10)
    feet = [str(attachment["footer"]) for attachment in (*posted, *spoken)]
    for mail in mailed:
        body = mail.get_body(("plain",))
        assert body is not None
        feet.append(str(body.get_content()).rstrip())
    assert Counter(foot.rpartition("key ")[2] for foot in feet) == keys_to_send()
    titles = Counter(attachment["title"] for attachment in (*posted, *spoken))
    alone = [title(each.message) for each in SENT if each.message and each.row["digest"] not in TOGETHER]
    assert titles == Counter(title for title in alone if title is not None) + Counter({"Digest": len(TOGETHER)})
    letters = [each.message for each in SENT if each.message and "mail" in each.message]
    to = Counter(tuple(sorted(mail.recipients)) for mail in gmail_server.mails)
    assert to == Counter(tuple(sorted(addressed(letter, gmail_server.username))) for letter in letters)
    assert all(row.status is Status.DELIVERED for row in store.find([each.key for each in SENT]))


# --- shown --------------------------------------------------------------------------------------------------------------------


def test_a_list_of_it_for_programs(tocsin: Typist, file: Path) -> None:
    seen = tocsin("outbox", "list", "--file", str(file), "--limit=1000", "--json")
    assert (seen.status, seen.err) == (0, "")
    assert json.loads(seen.out) == {"place": str(file), "exists": True, "messages": [before.shown for before in BEFORE]}


def test_a_list_of_it_for_people(tocsin: Typist, file: Path) -> None:
    seen = tocsin("outbox", "list", "--file", str(file), "--limit=1000")
    assert (seen.status, seen.err) == (0, "")
    for line, before in zip(seen.out.splitlines(), BEFORE, strict=True):
        status, key, destination, *rest = re.split(" {2,}", line)
        assert (status, key, destination) == (f"● {before.row['status']}", before.key, before.row["destination"])
        assert before.shown["says"] in rest


@pytest.mark.parametrize("status", Status)
def test_those_of_one_status(tocsin: Typist, file: Path, status: Status) -> None:
    seen = tocsin("outbox", "list", "--file", str(file), "--limit=1000", "--json", f"--status={status.value}")
    assert json.loads(seen.out)["messages"] == [before.shown for before in BEFORE if before.row["status"] == status.value]


def test_how_it_stands(tocsin: Typist, file: Path) -> None:
    seen = tocsin("outbox", "status", "--file", str(file), "--json")
    whole = json.loads(seen.out)
    assert seen.status == 1
    assert (whole["waiting"], whole["dead"], whole["unknown"]) == (48, 6, 3)
    for goal in whole["destinations"]:
        here = Counter(before.row["status"] for before in BEFORE if before.row["destination"] == goal["destination"])
        assert {status.value: goal[status.value] for status in Status} == {status.value: here[status.value] for status in Status}
    assert len(whole["destinations"]) == len({before.row["destination"] for before in BEFORE})


@NAMED
def test_one_of_them(before: Before, tocsin: Typist, file: Path) -> None:
    seen = tocsin("outbox", "show", before.key, "--file", str(file), "--json")
    whole = json.loads(seen.out)
    assert isinstance(whole.pop("unreadable"), str) is (before.message is None)
    (body,) = [record["body"] for record in DUMP if record["key"] == before.key]
    assert whole == {**before.shown, "claim": before.row["claim"], "body": body}
    drawn = tocsin("outbox", "show", before.key, "--file", str(file))
    assert (drawn.status, drawn.err) == (0, "")
    assert re.search(f"^status +● {before.row['status']} *$", drawn.out, re.MULTILINE)
    assert re.search(f"^stored as +{before.row['kind']}, version {before.row['version']} *$", drawn.out, re.MULTILINE)


# --- PostgreSQL ---------------------------------------------------------------------------------------------------------------


def test_the_same_rows_in_postgresql(database: str, file: Path) -> None:
    with closing(Store(f"sqlite:///{file}")) as from_file, closing(Store(database)) as store:
        rows = from_file.rows(limit=1000)
        assert store.put(rows) == (True,) * len(rows)
        for row, before in zip(store.rows(limit=1000), BEFORE, strict=True):
            assert fields_of(row) == before.row
            assert meaning(decode(row)) == before.message
        with Database(database, 5.0).engine.connect() as connection:
            found = connection.exec_driver_sql("SELECT * FROM messages ORDER BY number").mappings().all()
        assert [dict(record) for record in found] == MIGRATED
        sender = Sender()
        drained(store, sender)
        assert Counter(key_of(effect) for effect in sender.effects) == keys_to_send()
