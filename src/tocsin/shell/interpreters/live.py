"""Sends for real: the default.

One try, in line, within the deadlines of the adapters. Where an event loop runs in this thread, a delivery would block it: it
goes to one background thread instead, and is ``Queued``; if it fails there, the log says so. What the environment asks of
every live interpreter (``TOCSIN_NOTIFY=print`` or ``none``) comes first.
"""

import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, NoReturn

import attrs
from returns.io import IOResult

from tocsin.core.effects import CallBack, Effect, PostToSlack, SendEmail
from tocsin.core.invoke import invoke
from tocsin.core.messages.text import describe, name_of
from tocsin.core.outcomes import (
    Delivered,
    DeliveryError,
    Outcome,
    Queued,
    Receipt,
    Rejected,
    Withheld,
    received,
)
from tocsin.shell.adapters import Gmail, Secrets, SlackWebhook
from tocsin.shell.adapters.redaction import redact
from tocsin.shell.inherited import NAME, misspelt, override
from tocsin.shell.interpreters.dry_run import DryRun
from tocsin.shell.interpreters.protocol import Notify, execute, result_of
from tocsin.shell.log import complain, once

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

_workers: dict[int, "ThreadPoolExecutor"] = {}  # by process id: a worker does not survive a fork


def _secrets(given: Mapping[str, str] | Secrets | None) -> Secrets:
    return given if isinstance(given, Secrets) else Secrets(given)


@attrs.frozen
class Live:
    """Executes effects for real, once each.

    Args:
        secrets: secrets by name, before all other places; or a ``Secrets`` with settings of its own. None: the environment and
            the user's file.
        slack: how to reach Slack.
        mail: how to reach Gmail.

    It does not pickle, since it may hold secrets: build one where it is needed.
    """

    secrets: Secrets = attrs.field(default=None, converter=_secrets, repr=False)
    slack: SlackWebhook = attrs.field(factory=SlackWebhook)
    mail: Gmail = attrs.field(factory=Gmail)

    notify: ClassVar[Notify] = "live"

    def __call__(self, effect: Effect, /) -> IOResult[Receipt, DeliveryError]:
        asked = override()
        if asked == "print":
            return DryRun()(effect)
        if asked == "none":
            return received(Withheld(_silenced()))
        if not isinstance(effect, CallBack) and _in_event_loop():
            _worker().submit(self._in_background, effect)
            return received(Queued("a background thread"))
        return self._now(effect)

    def _perform(self, effect: Effect) -> Outcome:
        match effect:
            case PostToSlack(webhook_secret=name, payload=payload):
                url = self.secrets.find(name)
                return url if isinstance(url, Rejected) else self.slack.post(url, payload)
            case SendEmail(username_secret=user, password_secret=word, mail=mail, key=key):
                username, password = self.secrets.find(user), self.secrets.find(word)
                if isinstance(username, Rejected):
                    return username
                return password if isinstance(password, Rejected) else self.mail.send(username, password, mail, key)
            case CallBack():
                return _called(effect)

    def _in_background(self, effect: Effect) -> None:
        complain(effect, execute(self._now, effect))

    def _now(self, effect: Effect, /) -> IOResult[Receipt, DeliveryError]:
        return result_of(self._perform(effect))

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Live interpreter does not pickle, since it may hold secrets: build one where it is needed")


def _silenced() -> str:
    """Why nothing is sent; one who misspelt it is told so, once."""
    wrong = misspelt()
    if wrong is None:
        return f"{NAME}=none says so"
    once(f"{wrong}: nothing is sent")
    return wrong


def _called(effect: CallBack) -> Outcome:
    try:
        invoke(effect.fn, effect.tracked_obj, effect.state)
    except Exception as error:
        return Rejected(redact(f"{name_of(effect.fn)} raised {describe(error)}"), cause=error)
    return Delivered()


def _in_event_loop() -> bool:
    """Whether an event loop runs in this thread; asyncio is not imported to find out."""
    asyncio = sys.modules.get("asyncio")
    if asyncio is None:
        return False
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _worker() -> "ThreadPoolExecutor":
    from concurrent.futures import ThreadPoolExecutor

    return _workers.setdefault(os.getpid(), ThreadPoolExecutor(1, thread_name_prefix="tocsin"))
