"""Tasks and signals of a module, as users have them: pickle finds them by name."""

from tocsin import signals, task


@task
def add(x: int, y: int = 1) -> int:
    """Adds."""
    return x + y


class Full(signals.FAIL):
    """A signal with something of its own."""

    code = 0
