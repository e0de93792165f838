"""A message with each of its parts at its largest keeps the limits of Slack and of mail, and each cut is marked."""

import json
import re
from contextlib import suppress
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest

from tests.laws.test_messages import fail_with, unescaped
from tocsin import Failed, Recording, current_run, gmail_notifier, interpreting, say, slack_notifier, watch
from tocsin.core.attachments import ATTACHED_LIMIT
from tocsin.core.effects import PostToSlack, SendEmail
from tocsin.core.messages.content import Content
from tocsin.core.messages.email import NOTES_LIMIT, VALUE_LIMIT
from tocsin.core.messages.mentions import MOST_MENTIONS
from tocsin.core.messages.slack import FIELDS_LIMIT, LIMITS, OTHER_LIMIT, TABLES_LIMIT, posting
from tocsin.shell.adapters.mail_mime import mime

TEXT = 40_000  # characters of a text, above which Slack cuts
POST = 100_000  # characters of JSON: Slack says "msg_too_long" above some size, and does not say which
MAIL = 25_000_000  # bytes, of Gmail
LINE = 998  # bytes of a line, of RFC 5322
MENTIONS = [f"U0123ABC{number}" for number in range(MOST_MENTIONS)]
SLACK = slack_notifier(only_states=[Failed], mention=MENTIONS, traceback=True)
BY_MAIL = gmail_notifier(only_states=[Failed], traceback=True)
LEFT_OUT = re.compile(r"… \([\d,]+ notes left out\)")
MORE_ROWS = re.compile(r"… \([\d,]+ more rows(, [\d,]+ more columns)?\)")
ROWS = 500


def row(letter: str, number: int) -> dict[str, str]:
    return {f"{letter * 38}{column:02}": f"row {number} {letter * 60}" for column in range(40)}


def fail(letter: str, depth: int = 3) -> None:
    """Raise groups in groups, whose members have long texts, notes and causes."""
    errors = list[Exception]()
    for _ in range(4):
        try:
            fail_with(letter * 30_000)
        except ValueError as error:
            errors += [error]
    if depth:
        try:
            fail(letter, depth - 1)
        except ExceptionGroup as error:
            errors += [error]
    raise ExceptionGroup(letter * 30_000, errors)


@watch(state_handlers=[SLACK, BY_MAIL], show_arguments=True)
def largest(letter: str, argument: str) -> None:
    run = current_run()
    assert run is not None
    run.link(f"https://example.com/?{'q' * 1_900}")
    for number in range(3_000):
        run.note(f"{number} {letter * 200}")
    for number in range(6):
        run.table([row(letter, place) for place in range(ROWS)], title=f"{number} {letter * 200}")
    for number in range(25):
        run.attach(bytes(ATTACHED_LIMIT // 20), name=f"{number} {letter * 200}.{'png' if number % 2 else 'csv'}")
    for _ in range(60):
        run.attach(f"gone/{letter * 200}")
    fail(letter)


def told(letter: str, monkeypatch: pytest.MonkeyPatch) -> tuple[PostToSlack, SendEmail]:
    monkeypatch.setenv("TOCSIN_ENV", letter * 3_000)
    with interpreting(Recording()) as recording, suppress(ExceptionGroup):
        largest(letter, letter * 5_000)
    return recording.slack[-1], recording.mail[-1]


LETTERS = ["x", "&", "`", "結", "<!channel>", "\U0001f514", "=?utf-8?q?"]


@pytest.mark.parametrize("letter", LETTERS)
def test_slack_takes_a_message_with_each_part_at_its_largest(letter: str, monkeypatch: pytest.MonkeyPatch) -> None:
    post, _ = told(letter, monkeypatch)
    assert isinstance(post.content, Content)
    message = json.loads(post.payload.to_json())
    assert len(post.payload.to_json()) <= POST
    assert len(message["text"]) <= TEXT
    assert len(str(posting("#ops", post.payload)["text"])) <= TEXT
    assert message["text"].startswith("<@U0123ABC0> ")
    (attachment,) = message["attachments"]
    shown = {field["title"]: unescaped(field["value"]).strip("`").replace("\u200b`\u200b", "`") for field in attachment["fields"]}
    assert len(shown) == len(attachment["fields"]) == len(post.content.lines) + 1
    assert sum(map(len, shown.values())) <= FIELDS_LIMIT
    tables = [line.title for line in post.content.lines if line.tabular]
    assert len(tables) == 4
    values = [field["value"] for field in attachment["fields"]]
    lengths = [len(unescaped(value).removeprefix("```").removesuffix("```").replace("\u200b`\u200b", "`")) for value in values]
    limits = [TABLES_LIMIT // 4 if line.tabular else LIMITS.get(line.title, OTHER_LIMIT) for line in post.content.lines]
    assert all(length <= limit for length, limit in zip(lengths, [*limits, LIMITS["Files"]], strict=True))
    for line, value in zip(post.content.lines, values, strict=False):
        if line.tabular:
            assert MORE_ROWS.fullmatch(unescaped(value.strip("`")).split("\n")[-1])
        elif line.listed:
            assert LEFT_OUT.search(unescaped(value))
        elif len(line.text) > LIMITS.get(line.title, OTHER_LIMIT):
            assert "…" in value
    assert " more (" in shown["Files"]


@pytest.mark.parametrize("letter", LETTERS)
def test_a_mail_with_each_part_at_its_largest_keeps_its_limits(letter: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _, effect = told(letter, monkeypatch)
    raw = mime(effect.mail, effect.key, "ops@example.com")
    assert len(raw) <= MAIL
    assert max(map(len, raw.split(b"\r\n"))) <= LINE
    parsed = message_from_bytes(raw, policy=policy.default)
    assert isinstance(parsed, EmailMessage)
    assert len(parsed["Subject"]) <= 200
    files = [part for part in parsed.walk() if part.get_filename() is not None]
    assert len(files) == 20
    assert len({part.get_filename() for part in files}) == 20
    assert isinstance(effect.content, Content)
    plain = effect.mail.plain
    starts = [plain.index(f"\n{line.title}:") + 1 for line in effect.content.lines]
    assert starts == sorted(starts)
    for line, start, end in zip(effect.content.lines, starts, [*starts[1:], plain.index("\nFiles:")], strict=True):
        given = plain[start + len(line.title) + 1 : end].removeprefix("\n    " if line.tabular else " ")
        value = given.rstrip("\n").replace("\n    ", "\n")
        assert len(value) <= VALUE_LIMIT
        rows = value.split("\n")
        if line.tabular:
            assert MORE_ROWS.fullmatch(rows[-1])
            assert [each for each in rows[:-1] if each not in line.text.split("\n") and not each.endswith("…")] == []
        elif line.listed:
            assert sum(LEFT_OUT.fullmatch(each) is None for each in rows) <= NOTES_LIMIT
            assert rows[0].startswith("0 ")
            assert rows[-1].startswith("2999 ")
            assert sum(LEFT_OUT.fullmatch(each) is not None for each in rows) == 1
        elif value != line.text.rstrip("\n"):
            assert "…" in value


@pytest.mark.parametrize("letter", LETTERS)
def test_a_text_by_hand_keeps_the_limits_with_each_part_at_its_largest(letter: str) -> None:
    with interpreting(Recording()) as recording:
        say(
            "\n".join(f"{letter * 9}{number}" for number in range(20_000)),
            title=letter * 3_000,
            state="failed",
            link=f"https://example.com/?{'q' * 1_900}",
            attach=[bytes(ATTACHED_LIMIT // 20)] * 25,
            state_handlers=[SLACK, BY_MAIL],
        )
    (post,), (effect,) = recording.slack, recording.mail
    message = json.loads(post.payload.to_json())
    assert len(message["text"]) <= TEXT
    assert sum(len(unescaped(field["value"])) for field in message["attachments"][0]["fields"]) <= FIELDS_LIMIT
    assert "…" in message["attachments"][0]["fields"][0]["value"]
    raw = mime(effect.mail, effect.key, "ops@example.com")
    assert len(raw) <= MAIL
    assert len(effect.mail.subject) <= 200
    assert len(effect.mail.plain) <= 3 * VALUE_LIMIT
