"""One act *described*: a closed union that interpreters execute.

An effect names secrets and never holds one. Its key says which announcement it is, and takes no part in equality: two effects
are equal when they do the same.
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
    """One titled value of a Slack message; ``short`` ones stand side by side."""

    title: str
    value: str
    short: bool = False


@attrs.frozen(eq=False, repr=False)
class SlackMessage(Value):
    """A message as an incoming webhook takes it: one attachment, with its colour bar.

    Source of the fields: Slack's reference of message attachments. All text is escaped already; ``mrkdwn_in`` names the parts
    in which Slack is to read markup.
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
        """The JSON to post, exactly.

        >>> SlackMessage("load failed", "#eb0000", "Failed", "load is now in a Failed state").to_json()[:60]
        '{"attachments": [{"fallback": "load failed", "color": "#eb00'
        """
        import json  # seldom needed, and slow to load

        return json.dumps({"attachments": [self.attachment()], "unfurl_links": False, "unfurl_media": False}, ensure_ascii=False)

    def attachment(self) -> dict[str, object]:
        """The attachment, as JSON has it.

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
    """A mail before it has a sender: From, and To where ``recipients`` is None, are the account, which only a shell knows.

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

    It keeps one thread for each run, and shows in the first message of it where the run stands.
    """

    token_secret: str
    channel: str


@attrs.frozen(eq=False, repr=False)
class PostToSlack(Value):
    """Post ``payload`` to the incoming webhook whose URL is the secret named ``webhook_secret``; or, where there is a ``bot``, as it.

    ``content`` is what the payload says, before it was laid out: from it a message is made again for another channel, or marked, or
    folded with others. None where somebody made the payload by hand.
    """

    webhook_secret: str
    payload: SlackMessage
    key: Key = attrs.field(eq=False)
    bot: Bot | None = None
    content: Content | DigestSummary | None = attrs.field(default=None, eq=False, repr=False)


@attrs.frozen(eq=False, repr=False)
class SendEmail(Value):
    """Send ``mail`` from the account named by the secret ``username_secret``, with the password in ``password_secret``.

    ``content`` is what the mail says, as of ``PostToSlack``.
    """

    username_secret: str
    password_secret: str
    mail: Mail
    key: Key = attrs.field(eq=False)
    content: Content | DigestSummary | None = attrs.field(default=None, eq=False, repr=False)


@attrs.frozen(eq=False, repr=False)
class CallBack(Value):
    """Call ``fn(tracked_obj, state)``, somebody's code, for its side effects; what it returns is ignored."""

    fn: Callable[[Never, State], object]
    tracked_obj: Tracked
    state: State
    key: Key = attrs.field(eq=False)


Message = PostToSlack | SendEmail
"""What is read by people."""

Effect = PostToSlack | SendEmail | CallBack
"""All that tocsin can do to the world."""
