"""The pure part of the outbox: a row's state machine, the batches that are sent, selections by hand, status and metrics."""
