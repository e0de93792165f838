"""Effects: a closed union of described actions, which interpreters execute; with the messages that they carry.

- An effect names secrets and never holds one.
- The key identifies the announcement and takes no part in equality: two effects are equal if they do the same.
"""

from collections.abc import Callable
from typing import Never

import attrs

from tocsin.core.changes import Key, Tracked
from tocsin.core.messages.content import Content
from tocsin.core.messages.digest_summary import DigestSummary
from tocsin.core.messages.email import Mail
from tocsin.core.messages.slack import SlackMessage
from tocsin.core.states import State
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
    combined with others. It is None if the payload was made by hand.
    """

    webhook_secret: str
    payload: SlackMessage
    key: Key = attrs.field(eq=False)
    bot: Bot | None = None
    content: Content | DigestSummary | None = attrs.field(default=None, eq=False, repr=False)


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
