"""Processes that are killed while they send messages, and the messages that arrive nevertheless."""
