"""The outbox and the sender that the configuration names, for the commands of the command line."""

from tocsin.core.outcomes import Rejected
from tocsin.shell.config import defaults
from tocsin.shell.config.load import configuration
from tocsin.shell.interpreters.base import Interpreter
from tocsin.shell.interpreters.reliable import chain
from tocsin.shell.outbox.errors import OutboxError
from tocsin.shell.outbox.store import Store


def configured_store() -> Store:
    """Return the configured outbox.

    Raises:
        OutboxError: the URL is invalid, or its secret is not found.
    """
    url = defaults.outbox_url(configuration())
    if isinstance(url, Rejected):
        raise OutboxError(f"the URL of the outbox is not found: {url.reason}")
    return Store(url)


def configured_sender() -> Interpreter:
    """Return the configured interpreter that sends the messages of the outbox."""
    return chain(configuration())
