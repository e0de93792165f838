"""What is true of this process: the host's name, and the environment's as it is configured; and ids that no other run has."""

import os
import platform
from functools import cache

from tocsin.core.events import Facts


def facts() -> Facts:
    """The facts that events are to carry."""
    return Facts(host=platform.node() or None, environment=os.environ.get("TOCSIN_ENV") or _configured())


@cache
def _configured() -> str | None:
    """What the files of the configuration say; they are read once."""
    from tocsin.shell.config.load import configuration

    return configuration().environment


def run_id() -> str:
    """A fresh id: 16 hexadecimal digits, from the operating system's randomness."""
    return os.urandom(8).hex()
