"""A program that sends messages where a library has replaced classes of ``socket``, ``ssl`` and ``threading``.

Usage: ``python program.py LIBRARY ORDER``. ORDER is ``first`` if the library comes before tocsin, and ``later`` if the program has
imported tocsin, and made an account for mail and an outbox, before the library replaces anything. HANGING in the environment names
servers that hang, as a JSON object of ports. The program prints a JSON object with an ``Answer`` for each of them, and for each of two
mails that it sends at the same time.
"""

import asyncio
import importlib
import json
import os
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tocsin import Interpreter
    from tocsin.shell.adapters.mail_gmail import Gmail

PATCHES = {"gevent": "gevent.monkey:patch_all", "eventlet": "eventlet:monkey_patch", "truststore": "truststore:inject_into_ssl"}
DEADLINE = 1.0  # seconds; of a message to a server that hangs

Answer = tuple[float, str]
"""How many seconds a message took, and its outcome."""


def patch(library: str) -> None:
    """Let the library replace what it replaces; uvloop replaces nothing."""
    if library in PATCHES:
        module, _, function = PATCHES[library].partition(":")
        getattr(importlib.import_module(module), function)()


def fail() -> None:
    """Fail in a watched block, which tells on Slack and by mail."""
    from tocsin import watch

    try:
        with watch("load"):
            raise OSError("disk full")
    except OSError:
        pass


def keep(outbox: "Interpreter") -> None:
    """Fail in a watched block whose messages are formatted in a thread of their own, and kept in an outbox; in little time."""
    from tocsin import Failed, flush, interpreting, slack_notifier, watch

    began = time.monotonic()
    with interpreting(outbox):
        try:
            with watch("kept", state_handlers=[slack_notifier(message=lambda change: "disk full", only_states=[Failed])]):
                raise OSError("disk full")
        except OSError:
            pass
        formatted = time.monotonic() - began
        assert flush(20)
    assert formatted < 4
    assert time.monotonic() - began < 10


async def fail_in_coroutine() -> None:
    """Fail in a watched coroutine, and wait in a thread for the messages."""
    from tocsin import flush, watch

    @watch("load")
    async def load() -> None:
        await asyncio.sleep(0.01)
        raise OSError("disk full")

    (error,) = await asyncio.gather(load(), return_exceptions=True)
    assert isinstance(error, OSError)
    assert await asyncio.to_thread(flush)


def account(port: int, deadline: float) -> "Gmail":
    """Return an account for mail."""
    from tocsin.shell.adapters.mail_gmail import Gmail

    return Gmail(host="127.0.0.1", port=port, ca_bundle=_bundle(), deadline=deadline)


def mail(gmail: "Gmail") -> str:
    """Send a mail, and return the outcome."""
    from tests.shell.adapters.examples import KEY, MAIL
    from tocsin.shell.adapters.secrets import Secret

    username, password = (Secret(name, os.environ[name]) for name in ("EMAIL_USERNAME", "EMAIL_PASSWORD"))
    return repr(gmail.send(username, password, MAIL, KEY))


def post(port: int) -> str:
    """Post to a webhook, and return the outcome."""
    from tests.shell.adapters.examples import MESSAGE
    from tocsin.shell.adapters.secrets import Secret
    from tocsin.shell.adapters.slack_webhook import SlackWebhook

    slack = SlackWebhook(allowed_hosts=("127.0.0.1",), ca_bundle=_bundle(), deadline=DEADLINE, proxies={})
    return repr(slack.post(Secret("TEAM_WEBHOOK", f"https://127.0.0.1:{port}/services/T000/B000/XXX"), MESSAGE))


def all_at_once(sends: dict[str, Callable[[], str]]) -> dict[str, Answer]:
    """Run each in a thread of its own."""
    answers: dict[str, Answer] = {}

    def run(name: str, send: Callable[[], str]) -> None:
        began = time.monotonic()
        outcome = send()
        answers[name] = time.monotonic() - began, outcome

    threads = [threading.Thread(target=run, args=pair) for pair in sends.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def _bundle() -> Path:
    return Path(os.environ["TOCSIN_GMAIL_CA_BUNDLE"])


def main(library: str, order: str) -> None:
    """Run all. The messages of the last block are sent at exit."""
    if order == "first":
        patch(library)
    import tocsin

    gmail = account(int(os.environ["TOCSIN_GMAIL_PORT"]), 30.0)
    outbox = tocsin.reliable(outbox=f"sqlite:///{Path.home() / 'outbox.sqlite'}")
    if order == "later":
        patch(library)
    if library == "uvloop":
        importlib.import_module(library).run(fail_in_coroutine())
    else:
        fail()
        assert tocsin.flush()
    for _ in range(2):
        keep(outbox)
    hanging: dict[str, int] = json.loads(os.environ["HANGING"])
    sends: dict[str, Callable[[], str]] = {
        name: partial(post, port) if name.startswith("slack") else partial(mail, account(port, DEADLINE))
        for name, port in hanging.items()
    }
    print(json.dumps(all_at_once({**sends, "a mail": partial(mail, gmail), "another mail": partial(mail, gmail)})))
    fail()


if __name__ == "__main__":
    main(*sys.argv[1:])
