"""The interpreters that send nothing, open no socket and need no secret."""

import sys
from typing import ClassVar, TextIO

import attrs
from typing_extensions import override

from tocsin.core.delivery.rendering import redacted_message
from tocsin.core.effects import Bot, CallBack, Effect, PostToSlack, SendEmail
from tocsin.core.messages.content import Content
from tocsin.core.messages.slack import SlackMessage, posting
from tocsin.core.outcomes import Outcome, Shown, Withheld
from tocsin.core.text import label, name_of, one_line
from tocsin.shell.interpreter import Notify, Performer
from tocsin.shell.redaction import redact


@attrs.frozen
class DryRun(Performer):
    """Prints each effect to ``file`` (None means the standard output at that time).

    A Slack message is printed exactly as it would be posted, an app's as the first message of its run. In a mail the account's address
    is printed as ``<EMAIL_USERNAME>``: in From, and in To if none is set. A callback is named and not called.
    """

    file: TextIO | None = attrs.field(default=None, repr=False)

    notify: ClassVar[Notify] = "print"

    @override
    def perform(self, effect: Effect, /) -> Outcome:
        file = sys.stdout if self.file is None else self.file
        if file is None:  # a service may have none
            return Withheld("there is no standard output to show it on")
        encoding = file.encoding or "utf-8"
        file.write(f"{shown(effect)}\n".encode(encoding, "backslashreplace").decode(encoding))
        file.flush()
        return Shown()


def shown(effect: Effect) -> str:
    """Return the effect as a dry run prints it, without the values of secrets."""
    if not isinstance(effect, CallBack):
        effect = redacted_message(effect, redact)  # it may be made by hand
    match effect:
        case PostToSlack(bot=Bot() as bot, payload=payload):
            return _app_post(bot, payload)
        case PostToSlack(webhook_secret=secret, payload=payload):
            return f"Slack, to the webhook in {secret}:\n{payload.to_json()}"
        case SendEmail():
            return _mail(effect)
        case CallBack(fn=fn, tracked_obj=tracked, state=state):
            return f"Call of {name_of(fn)} for {one_line(label(tracked))!r} in {redact(repr(state))}"


def _app_post(bot: Bot, payload: SlackMessage) -> str:
    from json import dumps  # seldom needed, and slow to load

    body = dumps(posting(bot.channel, payload), ensure_ascii=False)
    return f"Slack, as the app with the token in {bot.token_secret}, to {bot.channel}:\n{body}"


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
class Silent(Performer):
    """Drops each effect; ``reason`` explains why."""

    reason: str = "--notify=none says so"

    notify: ClassVar[Notify] = "none"

    @override
    def perform(self, effect: Effect, /) -> Outcome:
        """Withhold the effect."""
        return Withheld(self.reason)


@attrs.frozen(eq=False, repr=False)
class Recording(Performer):
    """Keeps each effect, in order, in ``effects``. Thread-safe.

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

    @property
    def slack(self) -> tuple[PostToSlack, ...]:
        """The messages to Slack so far."""
        return tuple(effect for effect in self.effects if isinstance(effect, PostToSlack))

    @property
    def mail(self) -> tuple[SendEmail, ...]:
        """The mails so far."""
        return tuple(effect for effect in self.effects if isinstance(effect, SendEmail))

    def about(self, name: str) -> tuple[PostToSlack | SendEmail, ...]:
        """Return the messages about what has this name, in order."""
        return tuple(effect for effect in self.effects if not isinstance(effect, CallBack) and _is_about(effect, name))

    @override
    def perform(self, effect: Effect, /) -> Outcome:
        self._kept.append(effect)
        return Withheld("recorded")

    def __repr__(self) -> str:
        return f"<Recording of {len(self._kept)} effects>"


def _is_about(message: PostToSlack | SendEmail, name: str) -> bool:
    content = message.content
    return message.key.slug == name or (isinstance(content, Content) and content.name == name)
