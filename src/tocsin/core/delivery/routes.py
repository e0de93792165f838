"""Where a message goes: what is paced, queued and given up together, and what may be read together."""

from typing import Literal

import attrs

from tocsin.core.effects import CallBack, Effect, Message, PostToSlack, SendEmail
from tocsin.core.values import Value

Channel = Literal["slack", "gmail"]


@attrs.frozen(eq=False, repr=False)
class Destination(Value):
    """What messages are sent to: a webhook, a channel of a bot's, an account that mails. ``name`` holds names of secrets, never one."""

    channel: Channel
    name: str

    def __str__(self) -> str:
        return f"{'Slack' if self.channel == 'slack' else 'Gmail'} ({self.name})"


def destination(effect: Effect) -> Destination | None:
    """Where an effect goes; None for a call, which goes nowhere."""
    if isinstance(effect, CallBack):
        return None
    if isinstance(effect, SendEmail):
        return Destination("gmail", effect.username_secret)
    name = effect.webhook_secret if effect.bot is None else f"{effect.bot.token_secret} in {effect.bot.channel}"
    return Destination("slack", name)


def audience(message: Message) -> tuple[object, ...]:
    """Who reads a message, and from whom: only what is the same in this may be folded into one. It can be hashed."""
    if isinstance(message, PostToSlack):
        return ("slack", message.webhook_secret, message.bot)
    return ("gmail", message.username_secret, message.password_secret, message.mail.recipients, message.mail.cc)
