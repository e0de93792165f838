"""Where tocsin meets the world: Slack, Gmail, the places where secrets lie, and the clock.

Importing this costs nothing: what an adapter needs (requests, smtplib, ssl) is loaded when it is first used.
"""

from tocsin.shell.adapters.clock import Clock, SystemClock
from tocsin.shell.adapters.mail_gmail import Gmail
from tocsin.shell.adapters.secrets import Secrets
from tocsin.shell.adapters.slack_webhook import SlackWebhook

__all__ = ["Clock", "Gmail", "Secrets", "SlackWebhook", "SystemClock"]
