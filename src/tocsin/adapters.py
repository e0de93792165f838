"""Adapters to the outside: Slack, Gmail, the sources of secrets, the clock."""

from tocsin.shell.adapters import Clock, Gmail, Secrets, SlackWebhook, SystemClock

__all__ = [
    "Clock",
    "Gmail",
    "Secrets",
    "SlackWebhook",
    "SystemClock",
]
