"""Effects: a closed union of described actions, which interpreters execute; with the messages that they carry.

- An effect names secrets and never holds one.
- The key identifies the announcement and takes no part in equality: two effects are equal if they do the same.
"""

from collections.abc import Callable
from typing import Never

import attrs

from tocsin.core.attachments import Attachment, size_text
from tocsin.core.changes import Key, Tracked
from tocsin.core.messages.content import Content
from tocsin.core.messages.digest_summary import DigestSummary
from tocsin.core.messages.email import Mail
from tocsin.core.messages.slack import SlackMessage, posting
from tocsin.core.states import State
from tocsin.core.text import label, name_of, one_line, quote
from tocsin.core.values import Value


@attrs.frozen(eq=False, repr=False)
class Bot(Value):
    """A Slack app that posts into ``channel`` (an id, or a name like ``#ops``) with the bot token in the secret ``token_secret``.

    It keeps one thread for each run. The first message of the thread shows the run's current state.
    """

    token_secret: str
    channel: str


@attrs.frozen(eq=False, repr=False)
class PostToSlack(Value):
    """Post ``payload`` to the incoming webhook whose URL is the secret named ``webhook_secret``; with a ``bot``, post as the bot.

    ``content`` is the text of the payload before layout. It serves to lay the message out again: for another channel, with a mark, or
    combined with others. It is None if the payload was made by hand. A bot uploads the ``attachments``; a webhook only names them.

    One that ``edits`` only replaces the first message of its run, to show how far the run is. It is no message: it is sent once or not
    at all, never stored, folded or sent another way, and a bot alone can do it.
    """

    webhook_secret: str
    payload: SlackMessage
    key: Key = attrs.field(eq=False)
    bot: Bot | None = None
    content: Content | DigestSummary | None = attrs.field(default=None, eq=False, repr=False)
    attachments: tuple[Attachment, ...] = ()
    edits: bool = False

    def _repr_html_(self) -> str:
        """Return the message as a notebook shows it: a self-contained fragment, in which each text is escaped."""
        return as_html(self)


@attrs.frozen(eq=False, repr=False)
class Rest(Value):
    """The part of a mail's delivery that is still to be done, since some recipients were refused for now.

    Args:
        recipients: the addresses that the mail still goes to. The others have it, or were refused for good.
        refused: the addresses that were refused for good, each with the reason.
    """

    recipients: tuple[str, ...]
    refused: tuple[tuple[str, str], ...] = ()


@attrs.frozen(eq=False, repr=False)
class SendEmail(Value):
    """Send ``mail`` from the account named by the secret ``username_secret``, with the password in ``password_secret``.

    ``content`` is the text of the mail before layout, as in ``PostToSlack``. With a ``rest``, the mail goes to its recipients alone.
    """

    username_secret: str
    password_secret: str
    mail: Mail
    key: Key = attrs.field(eq=False)
    content: Content | DigestSummary | None = attrs.field(default=None, eq=False, repr=False)
    rest: Rest | None = attrs.field(default=None, repr=False)

    def _repr_html_(self) -> str:
        """Return the mail as a notebook shows it: its headers and its text part, in a self-contained fragment."""
        return as_html(self)


@attrs.frozen(eq=False, repr=False)
class CallBack(Value):
    """Call ``fn(tracked_obj, state)``, a user's function, for its side effects; its return value is ignored."""

    fn: Callable[[Never, State], object]
    tracked_obj: Tracked
    state: State
    key: Key = attrs.field(eq=False)


Message = PostToSlack | SendEmail
"""The effects that people read."""


Effect = PostToSlack | SendEmail | CallBack
"""All side effects that tocsin can have."""


def edits_by(effect: Effect) -> tuple[Effect, ...]:
    """Return the effect as one that only edits the first message of its run; nothing if what sends it cannot edit."""
    return (attrs.evolve(effect, edits=True),) if isinstance(effect, PostToSlack) and effect.bot is not None else ()


def is_edit(effect: Effect) -> bool:
    """Return whether the effect only replaces a message that is there."""
    return isinstance(effect, PostToSlack) and effect.edits


def secrets_of(message: Message) -> tuple[str, ...]:
    """Return the names of the secrets that sending the message takes."""
    if isinstance(message, SendEmail):
        return message.username_secret, message.password_secret
    return (message.webhook_secret,) if message.bot is None else (message.webhook_secret, message.bot.token_secret)


def heading(message: Message) -> str:
    """Return where a message goes, by the names of secrets, as previews have it above the message.

    >>> from tocsin.core.changes import Key
    >>> heading(PostToSlack("SLACK_WEBHOOK_URL", SlackMessage("", "#eb0000", "", ""), Key("r1", "load", None, 0, 0)))
    'Slack, to the webhook in SLACK_WEBHOOK_URL'
    """
    if isinstance(message, SendEmail):
        return f"Mail, from the account in {message.username_secret}"
    if message.bot is None:
        return f"Slack, to the webhook in {message.webhook_secret}"
    place = ", in place of the first message of its run" if message.edits else ""
    return f"Slack, as the app with the token in {message.bot.token_secret}, to {message.bot.channel}{place}"


def as_html(message: Message) -> str:
    """Return a message as HTML for a notebook."""
    from tocsin.core.messages.html import mail_html, slack_html  # seldom needed

    if isinstance(message, SendEmail):
        return mail_html(message.mail, heading(message), f"<{message.username_secret}>")
    return slack_html(message.payload, heading(message), () if message.bot is None else message.attachments)  # a webhook takes no file


def shown(effect: Effect, redact: Callable[[str], str] = str) -> str:
    """Return the effect as a dry run prints it, exactly as it would be sent. ``redact`` replaces secrets in the state of a callback."""
    match effect:
        case PostToSlack(bot=Bot() as bot, payload=payload, attachments=attachments):
            return "\n".join([f"{heading(effect)}:", _app_post(bot, payload), *_files("Upload", attachments)])
        case PostToSlack(payload=payload):
            return f"{heading(effect)}:\n{payload.to_json()}"
        case SendEmail():
            return _mail(effect)
        case CallBack(fn=fn, tracked_obj=tracked, state=state):
            return f"Call of {name_of(fn)} for {one_line(label(tracked))!r} in {redact(quote(state))}"


def _app_post(bot: Bot, payload: SlackMessage) -> str:
    from json import dumps  # seldom needed, and slow to load

    return dumps(posting(bot.channel, payload), ensure_ascii=False)


def _mail(effect: SendEmail) -> str:
    mail, account = effect.mail, f"<{effect.username_secret}>"
    headers = [
        f"Date: {mail.at.isoformat()}",
        f"From: {account}",
        f"To: {account if mail.recipients is None else ', '.join(mail.recipients)}",
        *([f"Cc: {', '.join(mail.cc)}"] if mail.cc else []),
        f"Subject: {mail.subject}",
    ]
    files = _files("Attachment", mail.attachments)
    return "\n".join([f"{heading(effect)}:", *headers, "", mail.plain, mail.html, *files])


def _files(what: str, attachments: tuple[Attachment, ...]) -> list[str]:
    """Return a line for each file, with its name, type and size, and never its bytes."""
    return [f"{what}: {each.file_name}, {each.media_type}, {size_text(each.size)}" for each in attachments]
