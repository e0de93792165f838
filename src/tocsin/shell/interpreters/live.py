"""Sends for real: the default.

One try, in line, within the deadlines of the adapters. Where an event loop runs in this thread, a delivery would block it: it
goes to the background instead, and is ``Queued``; if it fails there, the log says so. What the environment asks of every live
interpreter (``TOCSIN_NOTIFY=print`` or ``none``) comes first.
"""

from collections.abc import Mapping
from functools import partial
from typing import ClassVar, NoReturn

import attrs
from returns.io import IOResult

from tocsin.core.effects import Bot, CallBack, Effect, PostToSlack, SendEmail
from tocsin.core.messages.text import describe, name_of
from tocsin.core.outcomes import Delivered, DeliveryError, Outcome, Receipt, Rejected, Withheld, received
from tocsin.core.validation import invoke
from tocsin.shell.adapters import Gmail, Secrets, SlackWebhook
from tocsin.shell.adapters.redaction import redact
from tocsin.shell.environment import NAME, misspelt, override
from tocsin.shell.interpreters.background import Background, in_event_loop
from tocsin.shell.interpreters.base import Notify, result_of
from tocsin.shell.interpreters.dry_run import DryRun
from tocsin.shell.log import once


def _secrets(given: Mapping[str, str] | Secrets | None) -> Secrets:
    return given if isinstance(given, Secrets) else Secrets(given)


def _in_background(live: "Live") -> Background:
    """What sends where an event loop runs."""
    return Background(partial(_at_once, live))


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

    _aside: Background = attrs.field(init=False, eq=False, repr=False, default=attrs.Factory(_in_background, takes_self=True))

    notify: ClassVar[Notify] = "live"

    def __call__(self, effect: Effect, /) -> IOResult[Receipt, DeliveryError]:
        asked = override()
        if asked == "print":
            return DryRun()(effect)
        if asked == "none":
            return received(Withheld(_silenced()))
        if not isinstance(effect, CallBack) and in_event_loop():
            return self._aside(effect)
        return _at_once(self, effect)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Live interpreter does not pickle, since it may hold secrets: build one where it is needed")


def _at_once(live: Live, effect: Effect, /) -> IOResult[Receipt, DeliveryError]:
    return result_of(_performed(live, effect))


def _performed(live: Live, effect: Effect) -> Outcome:
    match effect:
        case PostToSlack(bot=Bot() as bot):
            token = live.secrets.find(bot.token_secret)
            return token if isinstance(token, Rejected) else live.slack.speak(token, bot, effect)
        case PostToSlack(webhook_secret=name, payload=payload):
            url = live.secrets.find(name)
            return url if isinstance(url, Rejected) else live.slack.post(url, payload)
        case SendEmail(username_secret=user, password_secret=word, mail=mail, key=key):
            username, password = live.secrets.find(user), live.secrets.find(word)
            if isinstance(username, Rejected):
                return username
            return password if isinstance(password, Rejected) else live.mail.send(username, password, mail, key)
        case CallBack():
            return _called(effect)


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
