"""Settings of an adapter, checked when it is made: one that makes no sense is a ValueError of one clear line."""

import math
import os
from collections.abc import Iterable, Mapping

import attrs

from tocsin.core.delivery.destinations import without_login
from tocsin.core.messages.text import quote


def seconds(_: object, attribute: "attrs.Attribute[float]", value: object) -> None:
    """A time-out is some seconds: more than none, and fewer than infinitely many."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        raise ValueError(f"{attribute.name} is a number of seconds greater than 0, not {quote(value)}")


def port(_: object, attribute: "attrs.Attribute[int]", value: object) -> None:
    """A port is a number from 1 to 65535."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 1 << 16:
        raise ValueError(f"{attribute.name} is a number from 1 to 65535, not {quote(value)}")


def host(_: object, attribute: "attrs.Attribute[str]", value: object) -> None:
    """A host is a name or an address, alone."""
    if not isinstance(value, str) or not value or not value.isprintable() or any(c in value for c in " /@"):
        raise ValueError(f"{attribute.name} is the name of a host, like smtp.gmail.com, not {quote(value)}")


def hosts(names: Iterable[str]) -> tuple[str, ...]:
    """The names as a tuple. One bare name is refused: it would be taken for its letters."""
    if isinstance(names, str):
        raise ValueError(  # noqa: TRY004 - like any other setting that makes no sense
            f"allowed_hosts is a tuple of names: write ({names!r},)"
        )
    return tuple(names)


def path(value: "str | os.PathLike[str] | None") -> str | None:
    """The path as text."""
    return None if value is None else os.fspath(value)


def bundle(_: object, attribute: "attrs.Attribute[str | None]", value: str | None) -> None:
    """A bundle is a file of CA certificates in PEM form."""
    if value is not None:
        from tocsin.shell.adapters.tls import bundle_fault

        fault = bundle_fault(value)
        if fault is not None:
            raise ValueError(f"{attribute.name} is refused: {fault}")


def copied(proxies: Mapping[str, str] | None) -> Mapping[str, str] | None:
    """A copy of the mapping, so that changing the original changes nothing."""
    return None if proxies is None else dict(proxies)


def without_logins(proxies: Mapping[str, str] | None) -> str:
    """The proxies as they may be shown: without the user and the password of one."""
    return repr(None if proxies is None else {scheme: without_login(url) for scheme, url in proxies.items()})
