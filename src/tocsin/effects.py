"""Effects: a closed union of described actions, which interpreters execute; with their messages and outcomes."""

from tocsin.core.attachments import Attachment
from tocsin.core.changes import Key
from tocsin.core.effects import Bot, CallBack, Effect, PostToSlack, Rest, SendEmail
from tocsin.core.messages.content import Content, Line
from tocsin.core.messages.digest_summary import DigestSummary, Excerpt
from tocsin.core.messages.email import Mail
from tocsin.core.messages.slack import SlackField, SlackMessage
from tocsin.core.outcomes import (
    Ambiguous,
    Delivered,
    DeliveryError,
    DestinationDead,
    Outcome,
    Queued,
    Receipt,
    Rejected,
    Retryable,
    Shown,
    Withheld,
)

__all__ = [
    "Ambiguous",
    "Attachment",
    "Bot",
    "CallBack",
    "Content",
    "Delivered",
    "DeliveryError",
    "DestinationDead",
    "DigestSummary",
    "Effect",
    "Excerpt",
    "Key",
    "Line",
    "Mail",
    "Outcome",
    "PostToSlack",
    "Queued",
    "Receipt",
    "Rejected",
    "Rest",
    "Retryable",
    "SendEmail",
    "Shown",
    "SlackField",
    "SlackMessage",
    "Withheld",
]
