"""The options of notifiers: each function checks a user's value and returns the option's value, or raises an error.

- Options are checked when they are bound, and lists of State classes when they are written.
- None gives an option its default.
- No error repeats a value that could be a secret.
"""

import re
from collections.abc import Callable, Iterable
from itertools import islice
from typing import TypeGuard

from tocsin.core.changes import Change
from tocsin.core.delivery.destinations import address_fault, is_channel
from tocsin.core.filters.algebra import Filter, everything
from tocsin.core.filters.predicates import Kinds, kinds_of
from tocsin.core.messages.mentions import MOST_MENTIONS, is_mention, mention_hint
from tocsin.core.states import KINDS, Failed, State
from tocsin.core.text import cut, quote, type_name
from tocsin.core.validation import is_iterable

Formatter = Callable[[Change], str]
"""A user's function that words the message of a change."""

# the types of options as users give them: what the converters below accept
Classes = Iterable[type[State]] | None
When = Filter | None
Format = Formatter | None
Text = str | None
Switch = bool | None
Addresses = Iterable[str] | None
Mentions = Iterable[str] | None

_SECRET_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,99}")


def ignore_states(given: object) -> Kinds:
    """Check a list of State classes; empty by default."""
    return frozenset() if given is None else kinds_of(given, "ignore_states", "ignore_states=[{}]")


def only_states(given: object) -> Kinds:
    """Check a list of State classes; an empty one, the default, means all."""
    return frozenset() if given is None else kinds_of(given, "only_states", "only_states=[{}]")


def when(given: object) -> Filter:
    """Check a filter; ``everything`` by default."""
    if given is None:
        return everything
    if isinstance(given, Filter):
        return given
    raise TypeError(f"when takes a filter, not {quote(given)}: write when=filters.entered(Failed), or when=filters.where(function)")


def formatter(given: object) -> Formatter | None:
    """Check a function from a Change to the text of the message; None by default."""
    if given is None or _is_formatter(given):
        return given
    raise TypeError(f"message takes a function of a Change that returns a str, not {quote(given)}: write message=lambda change: ...")


def title_link(given: object, name: str = "title_link") -> str | None:
    """Check an http(s) URL; None by default. ``name`` is what the argument is called where it is given."""
    if given is None:
        return None
    if isinstance(given, str) and given.isprintable() and len(given) <= 2000 and _is_web(given):
        return given
    raise TypeError(f"{name} takes an http(s) URL, not {quote(given)}: write {name}='https://example.com/runs'")


def _is_web(url: str) -> bool:
    from urllib.parse import urlsplit  # seldom needed, and slow to load

    try:
        return urlsplit(url).scheme in {"http", "https"}
    except ValueError:
        return False


def state_kind(given: object) -> type[State] | None:
    """Check a State class, or the name of one in any case; None by default.

    >>> state_kind("failed")
    <class 'tocsin.core.states.Failed'>
    """
    if given is None:
        return None
    written = cut(quote(given), 60)
    if isinstance(given, type) and issubclass(given, State):
        return given
    names = {kind.__name__.lower(): kind for kind in KINDS}
    if isinstance(given, str) and given.lower() in names:
        return names[given.lower()]
    from difflib import get_close_matches  # seldom needed, and slow to load

    near = get_close_matches(given.lower(), names, n=1) if isinstance(given, str) else []
    raise TypeError(f"state takes a State class or the name of one, not {written}: write state='{(near or ['failed'])[0]}'")


def switch(given: object) -> bool:
    """Check a bool; False by default."""
    if given is None or isinstance(given, bool):
        return bool(given)
    raise TypeError(f"traceback takes True or False, not {quote(given)}")


def webhook_secret(given: object) -> str:
    """Check the name of a secret; SLACK_WEBHOOK_URL by default."""
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
    """Check the name of a secret; None by default."""
    if given is None:
        return None
    if not isinstance(given, str):
        raise TypeError(f"token_secret takes the name of a secret, not a {type(given).__name__}: write token_secret='SLACK_BOT_TOKEN'")
    if not _SECRET_NAME.fullmatch(given) or given.lower().startswith("xox"):
        raise ValueError(  # the value is not repeated: it may be the secret itself
            "token_secret takes the name of a secret, never the token itself: write token_secret='SLACK_BOT_TOKEN',"
            " and put the token in the environment variable SLACK_BOT_TOKEN"
        )
    return given


def channel(given: object) -> str | None:
    """Check the id or the name of a Slack channel; None by default."""
    if given is None or (isinstance(given, str) and is_channel(given)):
        return given
    kind = TypeError if not isinstance(given, str) else ValueError
    raise kind(f"channel takes a name like '#ops' or an id like 'C0123ABCD', not {cut(quote(given), 60)}")


def mention(given: object) -> tuple[str, ...]:
    """Check a list of ids on Slack, or here, channel and everyone, without duplicates; empty by default."""
    if given is None:
        return ()
    if isinstance(given, str | bytes) or not is_iterable(given):
        raise TypeError(f"mention takes a list of ids on Slack, not a {type_name(given)}: write mention=['U0123ABCD']")
    found: list[str] = []
    for number, each in enumerate(islice(given, MOST_MENTIONS + 1), 1):
        who = str.__str__(each) if isinstance(each, str) else each  # of an Enum, its value
        if not is_mention(who):
            kind = ValueError if isinstance(who, str) else TypeError
            raise kind(
                f"item {number} of mention is no id on Slack: {mention_hint(who)}"
            )  # the value is not repeated: it may be a secret
        found.append(who)
    if len(found) > MOST_MENTIONS:
        raise ValueError(f"mention takes at most {MOST_MENTIONS} ids: name a user group of Slack's, such as 'S0123ABCD', or 'here'")
    return tuple(dict.fromkeys(found))


def mention_states(given: object) -> Kinds:
    """Check a list of State classes; Failed by default, and an empty one means all."""
    return frozenset({Failed}) if given is None else kinds_of(given, "mention_states", "mention_states=[{}]")


def recipients(given: object) -> tuple[str, ...] | None:
    """Check a list of mail addresses for To; None, the account itself, by default."""
    return None if given is None else _addresses(given, "to", least=1)


def copies(given: object) -> tuple[str, ...]:
    """Check a list of mail addresses for Cc; empty by default."""
    return () if given is None else _addresses(given, "cc", least=0)


def _addresses(given: object, option: str, *, least: int) -> tuple[str, ...]:
    if isinstance(given, str | bytes) or not is_iterable(given):
        raise TypeError(f"{option} takes a list of addresses, not {quote(given)}: write {option}=['ops@example.com']")
    found: list[str] = []
    for address in given:
        problem = address_fault(address) if isinstance(address, str) else "it is not a str"
        if problem is not None or not isinstance(address, str):
            raise ValueError(f"{option} holds {quote(address)}, and {problem}")
        found.append(address)
    if not least <= len(found) <= 100:
        raise ValueError(f"{option} takes {least} to 100 addresses, the limit of Gmail, not {len(found)}")
    return tuple(found)


def _is_formatter(value: object) -> TypeGuard[Formatter]:
    return callable(value)
