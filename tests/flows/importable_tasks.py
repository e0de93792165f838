"""Tasks and signals of a module, which pickle finds by name."""

from tocsin import signals, task


@task
def add(x: int, y: int = 1) -> int:
    """Add two numbers."""
    return x + y


class Full(signals.FAIL):
    """A signal with an attribute of its own."""

    code = 0
