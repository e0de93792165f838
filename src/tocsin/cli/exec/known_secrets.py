"""Registers for redaction the secrets of the configuration, and what is secret in the environment, whose programs wrote the text."""

import os

from tocsin.cli.exec.options import as_utf8
from tocsin.core.config.schema import Configuration
from tocsin.shell import redaction
from tocsin.shell.adapters.secrets import make_known


def register_secrets(config: Configuration) -> None:
    """Register for redaction all configured secrets, and what is secret in the other environment variables."""
    make_known(config.secret_names)
    for name, value in os.environ.items():
        redaction.suspect(name, as_utf8(value))  # the output is read as UTF-8, too
