"""Effects to draw: the same on every machine."""

from datetime import UTC, datetime, timedelta

from tocsin import Change, Failed, Running, Task
from tocsin.core.changes import Key
from tocsin.core.notifiers import GmailNotifier, SlackNotifier
from tocsin.effects import Effect

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
KEY = Key("r1", "load", None, 1, 0)
ERROR = OSError("disk `full`, & <!channel> [red]said[/red] :smile:")
CHANGE = Change(
    Task("load"), Running(), Failed("Unexpected error", ERROR), AT, run_id="r1", slug="load", duration=timedelta(seconds=252)
)


def effects() -> tuple[Effect, ...]:
    """A Slack message and a mail about ``CHANGE``."""
    return (*SlackNotifier(title_link="https://example.com/runs")(CHANGE), *GmailNotifier(cc=["b@example.com"])(CHANGE))
