"""The settings of the adapters, one class per transport, with their validators and converters.

- An invalid setting raises ValueError with a one-line message.
- The modules that connect take these classes. An adapter extends the class of its transport by what its service needs.
"""

import math
import os
from collections.abc import Callable, Iterable, Mapping
from typing import ClassVar

import attrs

from tocsin.core.delivery.destinations import without_login
from tocsin.core.text import quote


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


def _names(setting: str, value: Iterable[str]) -> tuple[str, ...]:
    """Return the names as a tuple. A single string is refused: iterating over it would give its letters."""
    if isinstance(value, str):
        raise ValueError(f"{setting} is a tuple of names: write ({value!r},)")  # noqa: TRY004 - like any other invalid setting
    return tuple(value)


def allowed_hosts(value: Iterable[str]) -> tuple[str, ...]:
    """Convert ``allowed_hosts`` to a tuple."""
    return _names("allowed_hosts", value)


def token_hosts(value: Iterable[str]) -> tuple[str, ...]:
    """Convert ``token_hosts`` to a tuple."""
    return _names("token_hosts", value)


def path(value: "str | os.PathLike[str] | None") -> str | None:
    """Convert a path to text."""
    return None if value is None else os.fspath(value)


class CheckedOnUse(str):
    """The path of a CA bundle that is read only when a message is sent: a bad file fails the message, not the program."""

    __slots__ = ()


def bundle(_: object, attribute: "attrs.Attribute[str | None]", value: str | None) -> None:
    """Validate a bundle: a file of CA certificates in PEM form."""
    if value is not None and not isinstance(value, CheckedOnUse):
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


def first(*names: str) -> "Callable[[type, list[attrs.Attribute[object]]], list[attrs.Attribute[object]]]":
    """Put these fields first in the signature and the ``repr`` of a class; attrs puts those that it inherits first."""
    return lambda _, fields: sorted(fields, key=lambda field: field.name not in names)


@attrs.frozen(kw_only=True)
class NetworkSettings:
    """The settings of every transport: the CA certificates to trust, and the time limits in seconds.

    ``ca_variable`` is the environment variable that names a file of CA certificates for the service alone.
    """

    ca_variable: ClassVar[str] = "TOCSIN_SLACK_CA_BUNDLE"
    ca_bundle: str | None = attrs.field(default=None, converter=path, validator=bundle)
    connect_timeout: float = attrs.field(default=5.0, validator=seconds)
    read_timeout: float = attrs.field(default=10.0, validator=seconds)
    deadline: float = attrs.field(default=30.0, validator=seconds)


@attrs.frozen(kw_only=True)
class HttpSettings(NetworkSettings):
    """The settings of requests over HTTPS."""

    proxies: Mapping[str, str] | None = attrs.field(default=None, converter=copied, repr=without_logins, hash=False)


@attrs.frozen(kw_only=True)
class SmtpSettings(NetworkSettings):
    """The settings of a connection to an SMTP server, and the hosts that may be asked for an access token."""

    ca_variable: ClassVar[str] = "TOCSIN_GMAIL_CA_BUNDLE"
    host: str = attrs.field(default="smtp.gmail.com", validator=host)
    port: int = attrs.field(default=465, validator=port)
    token_hosts: tuple[str, ...] = attrs.field(default=(), converter=token_hosts)
