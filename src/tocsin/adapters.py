"""Adapters to the outside: Slack, Gmail, the sources of secrets, the clock; and what a run takes of other libraries."""

from tocsin.shell.adapters import Gmail, Secrets, SlackWebhook
from tocsin.shell.adapters.clock import Clock, SystemClock, Timer
from tocsin.shell.adapters.secrets import Secret
from tocsin.shell.additions.files import Figure, HasFigure, HtmlFigure
from tocsin.shell.additions.rows import DataFrame

__all__ = [
    "Clock",
    "DataFrame",
    "Figure",
    "Gmail",
    "HasFigure",
    "HtmlFigure",
    "Secret",
    "Secrets",
    "SlackWebhook",
    "SystemClock",
    "Timer",
]
