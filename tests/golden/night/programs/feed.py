"""Reads a feed four times. It fails thrice, since the feed is not there yet, and then it is."""

from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from tocsin import watch
from tocsin.core.notifiers import Notifier


def read(path: Path) -> int:
    return len(path.read_text(encoding="utf-8"))


def main(*handlers: Notifier) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "feed.json"
        for attempt in range(4):
            if attempt == 3:
                path.write_text("[]", encoding="utf-8")
            with suppress(FileNotFoundError), watch("price feed", state_handlers=handlers) as run:
                read(path)
                run.note("the feed is there again")
