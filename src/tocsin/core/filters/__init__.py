"""Filters: predicates over changes, as values, and policies, which also see how earlier runs ended."""
