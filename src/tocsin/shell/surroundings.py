"""What is true of this process: the host's name, and the environment's from ``TOCSIN_ENV``; and ids that no other run has."""

import os
import platform

from tocsin.core.events import Facts


def facts() -> Facts:
    """The facts that events are to carry."""
    return Facts(host=platform.node() or None, environment=os.environ.get("TOCSIN_ENV") or None)


def run_id() -> str:
    """A fresh id: 16 hexadecimal digits, from the operating system's randomness."""
    return os.urandom(8).hex()
