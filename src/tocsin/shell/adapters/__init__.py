"""Adapters to the outside: Slack, Gmail, the sources of secrets, and the clock.

Importing this package is cheap: it loads no adapter but the clock, since a program that has nothing to send needs no other. An adapter
imports what it needs (requests, smtplib, ssl) on first use.
"""

from tocsin.shell.adapters.clock import Clock, SystemClock

__all__ = ["Clock", "SystemClock"]
