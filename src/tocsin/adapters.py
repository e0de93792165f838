"""Adapters to the outside: Slack, Gmail, the sources of secrets, the clock."""

from tocsin.shell.adapters.clock import Clock, SystemClock, Timer
from tocsin.shell.adapters.mail_gmail import Gmail
from tocsin.shell.adapters.secrets import Secret, Secrets
from tocsin.shell.adapters.slack_webhook import SlackWebhook

__all__ = [
    "Clock",
    "Gmail",
    "Secret",
    "Secrets",
    "SlackWebhook",
    "SystemClock",
    "Timer",
]
