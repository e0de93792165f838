"""The outbox, as far as it is pure: a row's life as a table, what is sent of the rows that were claimed, and how a row is called."""
