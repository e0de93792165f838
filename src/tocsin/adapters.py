"""What reaches the world: Slack, Gmail, the places where secrets lie, the clock."""

from tocsin.shell.adapters import Clock, Gmail, Secrets, SlackWebhook, SystemClock

__all__ = [
    "Clock",
    "Gmail",
    "Secrets",
    "SlackWebhook",
    "SystemClock",
]
