"""Checks the files of two regions, collects what is wrong in each, and raises it all as one group of groups."""

from collections.abc import Callable, Iterable
from functools import partial

from tocsin import watch
from tocsin.core.notifiers import Notifier

FILES = {"north": {"oslo.csv": "120.5", "bergen.csv": "n/a"}, "south": {"rome.csv": "1,5", "bari.csv": "", "pisa.csv": "7"}}


def amount(path: str, text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise RuntimeError(f"{path} has no amount") from error


def region(name: str) -> None:
    collect(f"region {name}", [partial(amount, path, text) for path, text in FILES[name].items()])


def collect(what: str, jobs: Iterable[Callable[[], object]]) -> None:
    errors: list[Exception] = []
    for job in jobs:
        try:
            job()
        except Exception as error:
            errors.append(error)
    if errors:
        raise ExceptionGroup(what, errors)


def main(*handlers: Notifier) -> None:
    with watch("check of all regions", state_handlers=handlers):
        collect("files without amounts", [partial(region, name) for name in FILES])
