"""Eight messages as they are said: four on Slack, four by mail, one of each not in Latin script.

``python -m tests.golden.said`` writes the files anew; read the difference before you keep it.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import attrs

from tocsin import Change, Failed, Retrying, Running, State, Success, TimedOut, filters
from tocsin.core.effects import PostToSlack, SendEmail
from tocsin.core.events import Facts
from tocsin.core.notifiers import GmailNotifier, Messenger, SlackNotifier
from tocsin.shell.adapters.mime import mime

FOLDER = Path(__file__).parent / "messages"
AT = datetime(2026, 2, 3, 3, 0, 7, tzinfo=UTC)


@attrs.frozen
class Job:
    name: str


def change(name: str, old: State, new: State) -> Change:
    """A change at three in the morning."""
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


SAID: dict[str, tuple[Messenger, Change]] = {
    "slack-failed": (SlackNotifier(title_link="https://example.com/runs/7"), LOAD_FAILED),
    "slack-hostile": (SlackNotifier(), HOSTILE),
    "slack-abroad": (SlackNotifier(), ABROAD),
    "slack-unworded": (SlackNotifier(message=unworded, when=filters.entered(Success)), DONE),
    "mail-failed": (GmailNotifier(to=["ops@example.com", "lead@example.com"], cc=["boss@example.com"]), LOAD_FAILED),
    "mail-hostile": (GmailNotifier(), HOSTILE),
    "mail-abroad": (GmailNotifier(), ABROAD),
    "mail-retrying": (GmailNotifier(title_link="https://example.com/runs/7"), RETRYING),
}


def rendered() -> Iterator[tuple[Path, str]]:
    """Each file, and what is to be in it."""
    for name, (notifier, said) in SAID.items():
        (effect,) = notifier(said)
        match effect:
            case PostToSlack(payload=payload):
                text = json.dumps(json.loads(payload.to_json()), indent=2, ensure_ascii=False) + "\n"
                yield FOLDER / f"{name}.json", text
            case SendEmail(mail=mail, key=key):
                yield FOLDER / f"{name}.eml", mime(mail, key, "account@example.com").decode().replace("\r\n", "\n")
            case _:
                raise AssertionError(effect)


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for path, text in rendered():
        path.write_text(text, encoding="utf-8")
