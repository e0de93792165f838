"""Lists of State classes as users write them, checked when they are written.

The options of notifiers, checked when they are bound: each function takes what a user wrote, and gives the value or a
clear error.

None gives an option its default. No error repeats a value that could be a secret.
"""

import re
from collections.abc import Callable, Iterable
from typing import TypeGuard

from tocsin.core.changes import Change
from tocsin.core.delivery.destinations import address_fault
from tocsin.core.filters.algebra import Filter, everything
from tocsin.core.messages.text import cut, quote
from tocsin.core.services.slack_api import is_channel
from tocsin.core.states import State

Kinds = frozenset[type[State]]


def kinds_of(given: object, what: str, write: str) -> Kinds:
    """The State classes given, as a set; else a TypeError that shows how to ``write`` them (``{}`` stands for their names).

    >>> from tocsin.core.states import Failed, Success
    >>> kinds_of(Failed, "only_states", "only_states=[{}]")
    Traceback (most recent call last):
    ...
    TypeError: only_states takes a list of State classes, not Failed: write only_states=[Failed]
    >>> names(kinds_of([Success, Failed], "only_states", "only_states=[{}]"))
    'Failed, Success'
    """
    if _is_kind(given):
        raise TypeError(f"{what} takes a list of State classes, not {given.__name__}: write {write.format(given.__name__)}")
    if isinstance(given, str | State) or not _is_iterable(given):
        example = type(given).__name__ if isinstance(given, State) else "Failed"
        raise TypeError(f"{what} takes a list of State classes, not {quote(given)}: write {write.format(example)}")
    kinds: set[type[State]] = set()
    for kind in given:
        if not _is_kind(kind):
            example = type(kind).__name__ if isinstance(kind, State) else "Failed"
            raise TypeError(f"{what} takes State classes, and {quote(kind)} is none: write {write.format(example)}")
        kinds.add(kind)
    return frozenset(kinds)


def names(kinds: Kinds) -> str:
    """The kinds by name, in alphabetical order."""
    return ", ".join(sorted(kind.__name__ for kind in kinds))


def _is_kind(value: object) -> TypeGuard[type[State]]:
    return isinstance(value, type) and issubclass(value, State)


def _is_iterable(value: object) -> TypeGuard[Iterable[object]]:
    return isinstance(value, Iterable)


_SECRET_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,99}")

Formatter = Callable[[Change], str]
"""Code of the user's that words the message of a change."""


def ignore_states(given: object) -> Kinds:
    """A list of State classes; none by default."""
    return frozenset() if given is None else kinds_of(given, "ignore_states", "ignore_states=[{}]")


def only_states(given: object) -> Kinds:
    """A list of State classes; an empty one, the default, means all."""
    return frozenset() if given is None else kinds_of(given, "only_states", "only_states=[{}]")


def when(given: object) -> Filter:
    """A filter; everything by default."""
    if given is None:
        return everything
    if isinstance(given, Filter):
        return given
    raise TypeError(f"when takes a filter, not {quote(given)}: write when=filters.entered(Failed), or when=filters.where(function)")


def formatter(given: object) -> Formatter | None:
    """A function of a Change that returns the text of the message."""
    if given is None or _is_formatter(given):
        return given
    raise TypeError(f"message takes a function of a Change that returns a str, not {quote(given)}: write message=lambda change: ...")


def title_link(given: object) -> str | None:
    """An http(s) URL."""
    if given is None:
        return None
    if isinstance(given, str) and given.isprintable() and len(given) <= 2000 and _is_web(given):
        return given
    raise TypeError(f"title_link takes an http(s) URL, not {quote(given)}: write title_link='https://example.com/runs'")


def _is_web(url: str) -> bool:
    from urllib.parse import urlsplit  # seldom needed, and slow to load

    try:
        return urlsplit(url).scheme in {"http", "https"}
    except ValueError:
        return False


def switch(given: object) -> bool:
    """True or False; False by default."""
    if given is None or isinstance(given, bool):
        return bool(given)
    raise TypeError(f"traceback takes True or False, not {quote(given)}")


def webhook_secret(given: object) -> str:
    """The name of a secret."""
    if given is None:
        return "SLACK_WEBHOOK_URL"
    if not isinstance(given, str):
        raise TypeError(f"webhook_secret takes the name of a secret, not a {type(given).__name__}: write webhook_secret='TEAM_WEBHOOK'")
    if not _SECRET_NAME.fullmatch(given):
        raise ValueError(  # the value is not repeated: it may be the secret itself
            "webhook_secret takes the name of a secret, never the URL itself: write webhook_secret='TEAM_WEBHOOK',"
            " and put the URL in the environment variable TEAM_WEBHOOK"
        )
    return given


def token_secret(given: object) -> str | None:
    """The name of a secret; none by default."""
    if given is None:
        return None
    if not isinstance(given, str):
        raise TypeError(f"token_secret takes the name of a secret, not a {type(given).__name__}: write token_secret='SLACK_BOT_TOKEN'")
    if not _SECRET_NAME.fullmatch(given) or given.lower().startswith("xox"):
        raise ValueError(  # nor is this value repeated
            "token_secret takes the name of a secret, never the token itself: write token_secret='SLACK_BOT_TOKEN',"
            " and put the token in the environment variable SLACK_BOT_TOKEN"
        )
    return given


def channel(given: object) -> str | None:
    """A channel of Slack's, by its id or its name; none by default."""
    if given is None or (isinstance(given, str) and is_channel(given)):
        return given
    kind = TypeError if not isinstance(given, str) else ValueError
    raise kind(f"channel takes a name like '#ops' or an id like 'C0123ABCD', not {cut(quote(given), 60)}")


def recipients(given: object) -> tuple[str, ...] | None:
    """A list of mail addresses for To; by default None, the account itself."""
    return None if given is None else _addresses(given, "to", least=1)


def copies(given: object) -> tuple[str, ...]:
    """A list of mail addresses for Cc; none by default."""
    return () if given is None else _addresses(given, "cc", least=0)


def _addresses(given: object, option: str, *, least: int) -> tuple[str, ...]:
    if isinstance(given, str | bytes) or not _is_iterable_of_names(given):
        raise TypeError(f"{option} takes a list of addresses, not {quote(given)}: write {option}=['ops@example.com']")
    found: list[str] = []
    for address in given:
        fault = address_fault(address) if isinstance(address, str) else "it is not a str"
        if fault is not None or not isinstance(address, str):
            raise ValueError(f"{option} holds {quote(address)}, and {fault}")
        found.append(address)
    if not least <= len(found) <= 100:
        raise ValueError(f"{option} takes {least} to 100 addresses, as many as Gmail allows, not {len(found)}")
    return tuple(found)


def _is_formatter(value: object) -> TypeGuard[Formatter]:
    return callable(value)


def _is_iterable_of_names(value: object) -> TypeGuard[Iterable[object]]:
    return isinstance(value, Iterable)
