"""Adapters to the outside: Slack, Gmail, the sources of secrets, and the clock.

Importing this package is cheap: an adapter imports what it needs (requests, smtplib, ssl) on first use.
"""

from tocsin.shell.adapters.clock import Clock, SystemClock
from tocsin.shell.adapters.mail_gmail import Gmail
from tocsin.shell.adapters.secrets import Secrets
from tocsin.shell.adapters.slack_webhook import SlackWebhook

__all__ = ["Clock", "Gmail", "Secrets", "SlackWebhook", "SystemClock"]
