"""Asks for more memory than there is. The exception has no text at all."""

from tocsin import watch
from tocsin.core.notifiers import Notifier


def features(rows: int, columns: int) -> bytearray:
    return bytearray(rows * columns)


def main(*handlers: Notifier) -> None:
    with watch("features", state_handlers=handlers) as run:
        run.note("1,000,000,000 rows of 1,000,000,000 columns")
        features(10**9, 10**9)
