"""Processes that are killed while they tell people something, and what arrives all the same."""
