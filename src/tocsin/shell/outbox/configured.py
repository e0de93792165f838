"""The outbox that the configuration names, and what sends from it: for commands."""

from tocsin.core.outcomes import Rejected
from tocsin.shell.config import defaults
from tocsin.shell.config.load import configuration
from tocsin.shell.interpreters.base import Interpreter
from tocsin.shell.interpreters.reliable import chain
from tocsin.shell.outbox.errors import OutboxError
from tocsin.shell.outbox.store import Store


def configured_store() -> Store:
    """The outbox.

    Raises:
        OutboxError: its URL makes no sense, or is not found.
    """
    url = defaults.outbox_url(configuration())
    if isinstance(url, Rejected):
        raise OutboxError(f"the URL of the outbox is not found: {url.reason}")
    return Store(url)


def configured_sender() -> Interpreter:
    """What sends from it, as configured."""
    return chain(configuration())
