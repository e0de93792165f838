"""Effects: a closed union of described actions, which interpreters execute; with the messages that they carry.

- An effect names secrets and never holds one.
- The key identifies the announcement and takes no part in equality: two effects are equal if they do the same.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Never

import attrs

from tocsin.core.changes import Key, Tracked
from tocsin.core.delivery.digest_summary import DigestSummary
from tocsin.core.messages.content import Content
from tocsin.core.states import State, aware
from tocsin.core.values import Value


@attrs.frozen(eq=False, repr=False)
class SlackField(Value):
    """One titled value of a Slack message; Slack shows ``short`` fields side by side."""

    title: str
    value: str
    short: bool = False


@attrs.frozen(eq=False, repr=False)
class SlackMessage(Value):
    """The message for an incoming webhook: one attachment, with its colour bar.

    Source of the fields: Slack's reference of message attachments. All text is already escaped. ``mrkdwn_in`` names the parts in
    which Slack parses markup.
    """

    fallback: str
    color: str
    title: str
    text: str
    fields: tuple[SlackField, ...] = ()
    title_link: str | None = None
    mrkdwn_in: tuple[str, ...] = ()
    footer: str | None = None
    ts: int | None = None

    def to_json(self) -> str:
        """Return the exact JSON to post.

        >>> SlackMessage("load failed", "#eb0000", "Failed", "load is now in a Failed state").to_json()[:60]
        '{"attachments": [{"fallback": "load failed", "color": "#eb00'
        """
        import json  # seldom needed, and slow to load

        return json.dumps({"attachments": [self.attachment()], "unfurl_links": False, "unfurl_media": False}, ensure_ascii=False)

    def attachment(self) -> dict[str, object]:
        """Return the attachment as a JSON object.

        >>> SlackMessage("load failed", "#eb0000", "Failed", "load is now in a Failed state").attachment()["title"]
        'Failed'
        """
        attachment: dict[str, object] = {
            "fallback": self.fallback,
            "color": self.color,
            "title": self.title,
            "title_link": self.title_link,
            "text": self.text,
            "fields": [{"title": f.title, "value": f.value, "short": f.short} for f in self.fields],
            "mrkdwn_in": list(self.mrkdwn_in),
            "footer": self.footer,
            "ts": self.ts,
        }
        return {name: value for name, value in attachment.items() if value is not None}


@attrs.frozen(eq=False, repr=False)
class Mail(Value):
    """A mail without its sender: the adapter that knows the account sets From, and To if ``recipients`` is None.

    Args:
        subject: one plain line of at most 200 characters.
        plain: the text part.
        html: the HTML part.
        recipients: addresses for To; None means the account itself.
        cc: addresses for Cc.
        at: when it happened, an aware datetime; the Date header.
    """

    subject: str
    plain: str
    html: str
    recipients: tuple[str, ...] | None
    at: datetime = attrs.field(validator=aware)
    cc: tuple[str, ...] = ()


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
    combined with others. It is None if the payload was made by hand.
    """

    webhook_secret: str
    payload: SlackMessage
    key: Key = attrs.field(eq=False)
    bot: Bot | None = None
    content: Content | DigestSummary | None = attrs.field(default=None, eq=False, repr=False)


@attrs.frozen(eq=False, repr=False)
class SendEmail(Value):
    """Send ``mail`` from the account named by the secret ``username_secret``, with the password in ``password_secret``.

    ``content`` is the text of the mail before layout, as in ``PostToSlack``.
    """

    username_secret: str
    password_secret: str
    mail: Mail
    key: Key = attrs.field(eq=False)
    content: Content | DigestSummary | None = attrs.field(default=None, eq=False, repr=False)


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
