"""Validators and converters for the settings of an adapter; an invalid setting raises ValueError with a one-line message."""

import math
import os
from collections.abc import Iterable, Mapping

import attrs

from tocsin.core.delivery.destinations import without_login
from tocsin.core.messages.text import quote


def seconds(_: object, attribute: "attrs.Attribute[float]", value: object) -> None:
    """Validate a time-out: a finite number of seconds greater than 0."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        raise ValueError(f"{attribute.name} is a number of seconds greater than 0, not {quote(value)}")


def port(_: object, attribute: "attrs.Attribute[int]", value: object) -> None:
    """Validate a port: a number from 1 to 65535."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 1 << 16:
        raise ValueError(f"{attribute.name} is a number from 1 to 65535, not {quote(value)}")


def host(_: object, attribute: "attrs.Attribute[str]", value: object) -> None:
    """Validate a host: a name or an address, without port, path or login."""
    if not isinstance(value, str) or not value or not value.isprintable() or any(c in value for c in " /@"):
        raise ValueError(f"{attribute.name} is the name of a host, like smtp.gmail.com, not {quote(value)}")


def names(setting: str, value: Iterable[str]) -> tuple[str, ...]:
    """Return the names as a tuple. A single string is refused: iterating over it would give its letters."""
    if isinstance(value, str):
        raise ValueError(f"{setting} is a tuple of names: write ({value!r},)")  # noqa: TRY004 - like any other invalid setting
    return tuple(value)


def hosts(value: Iterable[str]) -> tuple[str, ...]:
    """Convert ``allowed_hosts`` to a tuple."""
    return names("allowed_hosts", value)


def path(value: "str | os.PathLike[str] | None") -> str | None:
    """Convert a path to text."""
    return None if value is None else os.fspath(value)


def bundle(_: object, attribute: "attrs.Attribute[str | None]", value: str | None) -> None:
    """Validate a bundle: a file of CA certificates in PEM form."""
    if value is not None:
        from tocsin.shell.adapters.tls import bundle_fault

        problem = bundle_fault(value)
        if problem is not None:
            raise ValueError(f"{attribute.name} is refused: {problem}")


def copied(proxies: Mapping[str, str] | None) -> Mapping[str, str] | None:
    """Copy the mapping, so that a later change of the original has no effect."""
    return None if proxies is None else dict(proxies)


def without_logins(proxies: Mapping[str, str] | None) -> str:
    """Return the ``repr`` of the proxies without their users and passwords."""
    return repr(None if proxies is None else {scheme: without_login(url) for scheme, url in proxies.items()})
