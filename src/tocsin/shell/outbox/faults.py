"""What is said where an outbox cannot be used."""


class OutboxFault(ValueError):
    """An outbox cannot be used, and what to do about it, in one line; the message holds no password."""


class OutboxBusy(OutboxFault):
    """It cannot be used from here, just now."""
