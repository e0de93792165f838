"""Shows what would be sent, and sends nothing: no socket is opened and no secret is read.

Sends nothing, shows nothing, calls nothing.

Keeps the effects and does nothing with them: for tests.
"""

import sys
from typing import ClassVar, TextIO

import attrs
from returns.io import IOResult

from tocsin.core.effects import Bot, CallBack, Effect, PostToSlack, SendEmail, SlackMessage
from tocsin.core.messages.slack import posting
from tocsin.core.messages.text import label, name_of, one_line
from tocsin.core.outcomes import DeliveryError, Receipt, Shown, Withheld, received
from tocsin.shell.interpreters.base import Notify


@attrs.frozen
class DryRun:
    """Prints each effect to ``file`` (None: standard output as it is at that moment).

    The Slack message is shown exactly as it would be posted; an app's, as if it were the first of its run. The mail lacks only what
    is the account's: From, and To where none is set, stand as ``<EMAIL_USERNAME>``. A callback is named and not called.
    """

    file: TextIO | None = attrs.field(default=None, repr=False)

    notify: ClassVar[Notify] = "print"

    def __call__(self, effect: Effect, /) -> IOResult[Receipt, DeliveryError]:
        file = sys.stdout if self.file is None else self.file
        if file is None:  # as a service may have it
            return received(Withheld("there is no standard output to show it on"))
        encoding = file.encoding or "utf-8"
        file.write(f"{shown(effect)}\n".encode(encoding, "backslashreplace").decode(encoding))
        file.flush()
        return received(Shown())


def shown(effect: Effect) -> str:
    """The effect in words, as a dry run prints it."""
    match effect:
        case PostToSlack(bot=Bot() as bot, payload=payload):
            return _posting(bot, payload)
        case PostToSlack(webhook_secret=secret, payload=payload):
            return f"Slack, to the webhook in {secret}:\n{payload.to_json()}"
        case SendEmail():
            return _mail(effect)
        case CallBack(fn=fn, tracked_obj=tracked, state=state):
            return f"Call of {name_of(fn)} for {one_line(label(tracked))!r} in {state!r}"


def _posting(bot: Bot, payload: SlackMessage) -> str:
    from json import dumps  # seldom needed, and slow to load

    said = dumps(posting(bot.channel, payload), ensure_ascii=False)
    return f"Slack, as the app with the token in {bot.token_secret}, to {bot.channel}:\n{said}"


def _mail(effect: SendEmail) -> str:
    mail, account = effect.mail, f"<{effect.username_secret}>"
    headers = [
        f"Date: {mail.at.isoformat()}",
        f"From: {account}",
        f"To: {account if mail.recipients is None else ', '.join(mail.recipients)}",
        *([f"Cc: {', '.join(mail.cc)}"] if mail.cc else []),
        f"Subject: {mail.subject}",
    ]
    return "\n".join([f"Mail, from the account in {effect.username_secret}:", *headers, "", mail.plain, mail.html])


@attrs.frozen
class Silent:
    """Does nothing with an effect, and says why: ``reason``."""

    reason: str = "--notify=none says so"

    notify: ClassVar[Notify] = "none"

    def __call__(self, effect: Effect, /) -> IOResult[Receipt, DeliveryError]:  # noqa: ARG002 - that is the point
        """Withhold the effect."""
        return received(Withheld(self.reason))


@attrs.frozen(eq=False, repr=False)
class Recording:
    """Keeps each effect, in order, in ``effects``; safe under threads.

    >>> import tocsin
    >>> with tocsin.interpreting(tocsin.Recording()) as recording:
    ...     state = tocsin.slack_notifier(tocsin.Task("load"), tocsin.Running(), tocsin.Failed("disk full"))
    >>> recording.effects[0].payload.fallback
    'load failed: disk full'
    """

    _kept: list[Effect] = attrs.field(factory=list[Effect], init=False)

    notify: ClassVar[Notify] = "none"

    @property
    def effects(self) -> tuple[Effect, ...]:
        """All effects so far."""
        return tuple(self._kept)

    def __call__(self, effect: Effect, /) -> IOResult[Receipt, DeliveryError]:
        self._kept.append(effect)
        return received(Withheld("recorded"))

    def __repr__(self) -> str:
        return f"<Recording of {len(self._kept)} effects>"
