"""``Live``, the default interpreter: sends messages and calls functions for real.

- Each effect is attempted once, synchronously, within the deadlines of the adapters.
- If an event loop runs in this thread, a delivery would block it: the message is sent in the background instead and is ``Queued``. A
  failure there is logged.
- ``TOCSIN_NOTIFY=print`` or ``none`` in the environment comes first.
"""

from collections.abc import Mapping
from functools import partial
from typing import ClassVar, NoReturn

import attrs
from typing_extensions import override

from tocsin.core.delivery.combining import with_earlier_refusals
from tocsin.core.delivery.rendering import searched_message
from tocsin.core.effects import Bot, CallBack, Effect, PostToSlack, SendEmail
from tocsin.core.messages.email import Mail
from tocsin.core.outcomes import Delivered, Outcome, Rejected, Withheld
from tocsin.core.text import describe, name_of
from tocsin.core.validation import invoke
from tocsin.shell import environment
from tocsin.shell.adapters.mail_gmail import Gmail
from tocsin.shell.adapters.secrets import Secrets
from tocsin.shell.adapters.slack_webhook import SlackWebhook
from tocsin.shell.environment import Notify
from tocsin.shell.interpreter import Performer, withhold
from tocsin.shell.interpreters.background import Background, in_event_loop
from tocsin.shell.log import Worded
from tocsin.shell.redaction import redact


def _secrets(given: Mapping[str, str] | Secrets | None) -> Secrets:
    return given if isinstance(given, Secrets) else Secrets(given)


def _in_background(live: "Live") -> Background:
    """Return the interpreter for threads in which an event loop runs."""
    return Background(partial(_perform, live))


@attrs.frozen
class Live(Performer):
    """Executes effects for real, once each.

    Args:
        secrets: secrets by name, which win over all other sources; or a ``Secrets`` with its own settings. None means the environment
            and the user's file.
        slack: the adapter for Slack.
        mail: the adapter for Gmail.

    It does not pickle, since it may hold secrets: build one where it is needed.
    """

    secrets: Secrets = attrs.field(default=None, converter=_secrets, repr=False)
    slack: SlackWebhook = attrs.field(factory=SlackWebhook)
    mail: Gmail = attrs.field(factory=Gmail)

    _background: Background = attrs.field(init=False, eq=False, repr=False, default=attrs.Factory(_in_background, takes_self=True))

    notify: ClassVar[Notify] = "live"

    @override
    def perform(self, effect: Effect, /) -> Outcome:
        if environment.override() is not None:
            return withhold(effect)
        if not isinstance(effect, CallBack) and in_event_loop():
            return self._background.perform(effect)
        return _perform(self, effect)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Live interpreter does not pickle, since it may hold secrets: build one where it is needed")


def _perform(live: Live, effect: Effect, /) -> Outcome:
    match effect:
        case PostToSlack(bot=Bot() as bot):
            token = live.secrets.find(bot.token_secret)
            return token if isinstance(token, Rejected) else live.slack.speak(token, bot, _searched_post(effect))
        case PostToSlack(edits=True):
            return Withheld("a webhook cannot edit a message")
        case PostToSlack(webhook_secret=name):
            url = live.secrets.find(name)
            return url if isinstance(url, Rejected) else live.slack.post(url, _searched_post(effect).payload)
        case SendEmail(username_secret=user, password_secret=word, key=key, rest=rest):
            username, password = live.secrets.find(user), live.secrets.find(word)
            if isinstance(username, Rejected):
                return username
            if isinstance(password, Rejected):
                return password
            only = None if rest is None else rest.recipients
            return with_earlier_refusals(effect, live.mail.send(username, password, _searched_mail(effect), key, only))
        case CallBack():
            return _call(effect)


def _searched_post(post: PostToSlack) -> PostToSlack:
    """Return the post without secrets, among them those that were found to send it."""
    searched = searched_message(post, redact)
    assert isinstance(searched, PostToSlack)
    return searched


def _searched_mail(mail: SendEmail) -> Mail:
    """Return the mail without secrets, among them those that were found to send it."""
    searched = searched_message(mail, redact)
    assert isinstance(searched, SendEmail)
    return searched.mail


def _call(effect: CallBack) -> Outcome:
    try:
        invoke(effect.fn, effect.tracked_obj, effect.state)
    except Worded as error:
        return Rejected(redact(str(error)), cause=error)
    except Exception as error:
        return Rejected(redact(f"{name_of(effect.fn)} raised {describe(error)}"), cause=error)
    return Delivered()
