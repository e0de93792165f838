"""Writes invoices to a database that has one of them already."""

import sqlite3

from tocsin import watch
from tocsin.core.notifiers import Notifier


def bill(base: sqlite3.Connection, *numbers: int) -> None:
    base.executemany("INSERT INTO invoices VALUES (?)", [(number,) for number in numbers])


def main(*handlers: Notifier) -> None:
    base = sqlite3.connect(":memory:")
    try:
        base.execute("CREATE TABLE invoices (number INTEGER UNIQUE)")
        with watch("billing", state_handlers=handlers) as run:
            run.link("https://example.com/runs/7")
            bill(base, 40811, 40812, 40811)
    finally:
        base.close()
