"""Filters: predicates over a change, as values, and the policies among them, which remember earlier runs."""
