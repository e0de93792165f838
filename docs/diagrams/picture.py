"""Draws the picture in the README: what a failure looks like on Slack. ``python docs/diagrams/picture.py FILE`` writes it.

The change is written down here, with its time and its ids, so that the picture is the same wherever it is drawn. What is said of
it, and how, is the real notifier's and the real renderer's.
"""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tocsin import Change, Failed, Running, Task, filters, slack_notifier
from tocsin.cli.demo import picture
from tocsin.events import Facts

CHANGE = Change(
    Task("nightly load"),
    Running("Starting task run."),
    Failed("Unexpected error: ValueError(...)", ValueError("row 40812: no column 'amount'")),
    at=datetime(2026, 3, 14, 3, 4, 12, tzinfo=UTC),
    run_id="9f2c4e71a0b35d68",
    slug="nightly load",
    attempt=3,
    attempts=3,
    duration=timedelta(minutes=4, seconds=12),
    facts=Facts(host="etl-7", environment="production"),
)
HANDLER = slack_notifier(when=filters.entered(Failed) & filters.final_attempt)


def drawn() -> str:
    """The picture, as the text of an SVG file."""
    return picture(HANDLER.notifier(CHANGE), "#data-alerts")


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(drawn(), encoding="utf-8")
