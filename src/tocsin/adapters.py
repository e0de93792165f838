"""Adapters to the outside: Slack, Gmail, the sources of secrets, the clock."""

from tocsin.shell.adapters import Gmail, Secrets, SlackWebhook
from tocsin.shell.adapters.clock import Clock, SystemClock, Timer
from tocsin.shell.adapters.secrets import Secret

__all__ = [
    "Clock",
    "Gmail",
    "Secret",
    "Secrets",
    "SlackWebhook",
    "SystemClock",
    "Timer",
]
