"""Checks behind ``tocsin check``: the configuration, the secrets, and on request the connections to Slack and Gmail."""
