"""One channel's message for another: what was to be read on Slack as a mail, and the other way round.

What a message says is laid out anew from what it was made of. A message that is of the channel already keeps what it says, as it is,
and is only addressed anew. It stays the same announcement: its key is the same.
"""

import attrs

from tocsin.core.delivery.digest import digest_content
from tocsin.core.delivery.render import said
from tocsin.core.delivery.tally import Tally
from tocsin.core.effects import Bot, Message, PostToSlack, SendEmail
from tocsin.core.messages.content import Content
from tocsin.core.messages.email import mail
from tocsin.core.messages.slack import slack_message


def by_mail(message: Message, to: tuple[str, ...] | None = None, cc: tuple[str, ...] = ()) -> SendEmail:
    """The message as a mail from the account in the secrets ``EMAIL_USERNAME`` and ``EMAIL_PASSWORD``; ``to`` None: to itself."""
    if isinstance(message, SendEmail):
        letter, source = attrs.evolve(message.mail, recipients=to, cc=cc), message.content
    else:
        source = said(message)
        letter = mail(_shown(source), to, cc)
    return SendEmail("EMAIL_USERNAME", "EMAIL_PASSWORD", letter, message.key, source)


def by_slack(message: Message, webhook_secret: str, bot: Bot | None = None) -> PostToSlack:
    """The message as a post to the webhook in the secret of this name; or, where there is a ``bot``, as it."""
    if isinstance(message, PostToSlack):
        payload, source = message.payload, message.content
    else:
        source = said(message)
        payload = slack_message(_shown(source))
    return PostToSlack(webhook_secret, payload, message.key, bot, source)


def _shown(source: Content | Tally) -> Content:
    return digest_content(source) if isinstance(source, Tally) else source
