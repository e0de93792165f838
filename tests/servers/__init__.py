"""Servers on the loopback interface that stand in for Slack and Gmail: real sockets, real TLS, and faults on request."""
