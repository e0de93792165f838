"""Loads the files of twelve shops, each as a run of its own. Most are damaged."""

from contextlib import suppress

from tocsin import watch
from tocsin.core.notifiers import Notifier

SHOPS = ("Aachen", "Berlin", "Celle", "Dresden", "Essen", "Fulda", "Gera", "Halle", "Ilmenau", "Jena", "Kassel", "Leipzig")


def load(shop: str, text: str) -> float:
    try:
        return sum(float(amount) for amount in text.split(";"))
    except ValueError as error:
        raise RuntimeError(f"{shop}.csv is damaged") from error


def main(*handlers: Notifier) -> None:
    for number, shop in enumerate(SHOPS):
        with suppress(RuntimeError), watch(f"load {shop}", state_handlers=handlers) as run:
            run.note(f"the file of {shop} came by sftp")
            run.note(f"{number + 2} amounts")
            load(shop, ";".join([*["1.5"] * (number + 1), "2.5" if number % 4 == 0 else "2,5"]))
