"""Ten golden messages: five for Slack, five mails; one of each is not in Latin script, and one of each is a digest.

``python -m tests.golden.golden_messages`` writes the files again. Read the difference before you commit it.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import attrs

from tocsin import Change, Failed, Retrying, Running, State, Success, TimedOut, filters
from tocsin.core.delivery.digest import fold
from tocsin.core.effects import Message, PostToSlack, SendEmail
from tocsin.core.events import Facts
from tocsin.core.notifiers import GmailNotifier, Messenger, SlackNotifier
from tocsin.shell.adapters.mail_mime import mime

FOLDER = Path(__file__).parent / "messages"
AT = datetime(2026, 2, 3, 3, 0, 7, tzinfo=UTC)


@attrs.frozen
class Job:
    name: str


def change(name: str, old: State, new: State) -> Change:
    """Return a change at three in the morning."""
    return Change(Job(name), old, new, AT, "5f0c9a31d2e84b76", name, facts=Facts("batch-7", "production"))


LOAD_FAILED = attrs.evolve(
    change("nightly load", Running(), Failed("Unexpected error", ZeroDivisionError("division by zero"))),
    duration=timedelta(minutes=4, seconds=12),
    attempt=3,
    attempts=3,
)
HOSTILE = change("</pre><script>", Running(), Failed("<!channel> `rm` & *co*\nBcc: x", ValueError("=?utf-8?q?a=0D=0ABcc:_x?= ``` ")))
ABROAD = attrs.evolve(
    change("夜間バッチ", Running(), TimedOut("処理が時間内に終わりませんでした。")), map_index=3, duration=timedelta(hours=2)
)
RETRYING = attrs.evolve(
    change("nightly load", Failed(), Retrying("Retrying Task (after attempt 1 of 3)", run_count=1)), attempts=3, final=False
)
DONE = attrs.evolve(change("totals", Running(), Success("Task run succeeded.", 42)), duration=timedelta(milliseconds=31))


def unworded(_: Change) -> str:
    """A formatter that fails."""
    raise KeyError("rows")


def message_of(messenger: Messenger, *changes: Change) -> Message:
    """Return the message about a change, or the digest of several."""
    effects = [effect for change in changes for effect in messenger(change)]
    return fold([effect for effect in effects if isinstance(effect, PostToSlack | SendEmail)])


def storm() -> Iterator[Change]:
    """Yield 480 changes in a minute, most of them of the children of one task, while a database is down in Berlin."""
    late, done, lost = TimedOut("Too late."), Success("Task run succeeded."), Failed(None, ConnectionError("db-1: connection refused"))
    took, berlin = timedelta(seconds=2.5), timezone(timedelta(hours=1))
    for ordinal in range(480):
        name, index = ("nightly load", ordinal) if ordinal % 3 else (f"{'<report>' if ordinal % 2 else '売上'} {ordinal % 7}", None)
        new = late if ordinal % 40 == 9 else done if ordinal % 60 == 6 else lost
        at = AT.astimezone(berlin) + timedelta(seconds=ordinal / 8)
        yield attrs.evolve(change(name, Running(), new), at=at, map_index=index, ordinal=ordinal, duration=took)


SAID: dict[str, Message] = {
    "slack-failed": message_of(SlackNotifier(title_link="https://example.com/runs/7"), LOAD_FAILED),
    "slack-hostile": message_of(SlackNotifier(), HOSTILE),
    "slack-abroad": message_of(SlackNotifier(), ABROAD),
    "slack-unworded": message_of(SlackNotifier(message=unworded, when=filters.entered(Success)), DONE),
    "slack-digest": message_of(SlackNotifier(), *storm()),
    "mail-failed": message_of(GmailNotifier(to=["ops@example.com", "lead@example.com"], cc=["boss@example.com"]), LOAD_FAILED),
    "mail-hostile": message_of(GmailNotifier(), HOSTILE),
    "mail-abroad": message_of(GmailNotifier(), ABROAD),
    "mail-retrying": message_of(GmailNotifier(title_link="https://example.com/runs/7"), RETRYING),
    "mail-digest": message_of(GmailNotifier(to=["ops@example.com"]), *storm()),
}


def rendered() -> Iterator[tuple[Path, str]]:
    """Yield the path and the text of each file."""
    for name, effect in SAID.items():
        if isinstance(effect, PostToSlack):
            text = json.dumps(json.loads(effect.payload.to_json()), indent=2, ensure_ascii=False) + "\n"
            yield FOLDER / f"{name}.json", text
        else:
            yield FOLDER / f"{name}.eml", mime(effect.mail, effect.key, "account@example.com").decode().replace("\r\n", "\n")


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for path, text in rendered():
        path.write_text(text, encoding="utf-8")
