"""Whether an engine is installed: its module here says in one line what to install."""

from importlib.util import find_spec


def need(module: str, requirement: str) -> None:
    """Check that an engine is installed, without importing it.

    Raises:
        ImportError: it is not; the message has the command that installs it.

    >>> need("json", "json")
    """
    if find_spec(module) is None:
        raise ImportError(
            f"tocsin.integrations.{module} needs {module}, which is not installed: pip install '{requirement}'", name=module
        )
