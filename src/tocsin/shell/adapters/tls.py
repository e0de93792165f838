"""TLS contexts of the adapters; certificate and host name are always verified.

The trusted authorities are those of ``ca_bundle`` alone; else those of the file in REQUESTS_CA_BUNDLE or SSL_CERT_FILE alone; else the
system's and those of certifi, which requests brings along.
"""

import os
import ssl
import stat
from collections.abc import Mapping
from pathlib import Path

from tocsin.core.delivery.destinations import QUOTED
from tocsin.core.outcomes import Rejected
from tocsin.core.services.connection import Trust
from tocsin.core.text import is_quoted

_VARIABLES = ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")
_contexts: dict[tuple[int, str | None, type[ssl.SSLContext]], ssl.SSLContext] = {}


def context(ca_bundle: str | None) -> ssl.SSLContext | Rejected:
    """Return the context for a bundle, made once per process and class of contexts; Rejected if the bundle cannot be used."""
    bundle, source = _in_force(ca_bundle)
    key = (os.getpid(), bundle, ssl.SSLContext)  # a library may replace the class, and use of the old one then recurses without end
    if key not in _contexts:
        made = _make(bundle)
        if isinstance(made, str):
            return Rejected(f"{source} is refused: {made}")
        _contexts.setdefault(key, made)  # if two threads race, both use the same context
    return _contexts[key]


def trust(ca_bundle: str | None, variable: str) -> Trust:
    """Return which CA certificates a connection trusts; ``variable`` names a file of them for its service alone."""
    return Trust(variable, *_in_force(ca_bundle))


def bundle_fault(bundle: str) -> str | None:
    """Return what is wrong with a file of CA certificates; None if it can be used."""
    made = _make(bundle)
    if isinstance(made, str):
        return made
    return f"{bundle} is a folder, not a file" if Path(bundle).is_dir() else None


def _in_force(ca_bundle: str | None) -> tuple[str | None, str]:
    """Return the bundle that is in force, and what names it."""
    return (ca_bundle, "ca_bundle") if ca_bundle is not None else _from_environment(os.environ)


def _from_environment(variables: Mapping[str, str]) -> tuple[str | None, str]:
    return next(((variables[name], name) for name in _VARIABLES if variables.get(name)), (None, "the system's store"))


def _make(bundle: str | None) -> ssl.SSLContext | str:
    try:
        mode = stat.S_IFREG if bundle is None else Path(bundle).stat().st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):  # OpenSSL would block on a pipe
            return f"{bundle} is not a file"
        folder = stat.S_ISDIR(mode)
        made = ssl.create_default_context(cafile=None if folder else bundle, capath=bundle if folder else None)
        if bundle is None:
            from certifi import where

            made.load_verify_locations(where())
    except ssl.SSLError:
        return f"{bundle} holds no certificate in PEM form"
    except OSError as error:
        return QUOTED if bundle is not None and is_quoted(bundle) else f"{bundle} cannot be read: {error.strerror}"
    return made
