"""Slack, Google, SMTP and health-check services: their settings and replies, as pure functions."""
