"""The types of configuration values: how a value is checked, how an environment variable spells it, and an example.

A check takes any value, and returns the checked value or ``Invalid``. ``Invalid`` says what is wrong without repeating the value.
"""

import re
from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

import attrs

from tocsin.core import options
from tocsin.core.config.problems import hint
from tocsin.core.filters.predicates import Kinds
from tocsin.core.messages.mentions import MOST_MENTIONS, is_mention, mention_hint
from tocsin.core.states import KINDS
from tocsin.core.validation import at_least, is_list, is_seconds, is_table, is_text
from tocsin.core.values import Value

_WHOLE_PATH = re.compile(r"/|~/|[A-Za-z]:[\\/]")
_PROXY = re.compile(r"https?://[!-~]+")
_T = TypeVar("_T")
_T_co = TypeVar("_T_co", covariant=True)


@attrs.frozen(eq=False, repr=False)
class Invalid(Value):
    """Why a value is refused, and what to write, if that is more specific than the key's example."""

    what: str
    write: str | None = None


@attrs.frozen(eq=False)
class ValueType(Generic[_T_co]):
    """The type of a key's value.

    Args:
        words: the type in words, after "takes".
        example: an example in TOML.
        spelt: the same example in an environment variable.
        check: returns the checked value, or what is wrong.
        read: converts the text of an environment variable to a value to check.
    """

    words: str
    example: str
    spelt: str
    check: Callable[[object], _T_co | Invalid]
    read: Callable[[str], object] = str


def _items(text: str) -> object:
    return [item.strip() for item in text.split(",") if item.strip()]


def _pairs(text: str) -> object:
    pairs = (item.partition("=") for item in text.split(",") if item.strip())
    return {name.strip(): value.strip() for name, _, value in pairs}


def _number(text: str) -> object:
    try:
        return float(text)
    except ValueError:
        return text


def _whole(text: str) -> object:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else text


def _yes_or_no(text: str) -> object:
    return {"true": True, "1": True, "false": False, "0": False}.get(text.casefold(), text)


def _from_option(check: Callable[[object], _T], words: str) -> Callable[[object], _T | Invalid]:
    """Wrap a check of the notifiers' options, whose errors are about Python and may repeat a value."""

    def checked(given: object) -> _T | Invalid:
        try:
            return check(given)
        except (TypeError, ValueError):
            return Invalid(f"takes {words}")

    return checked


def _switch(given: object) -> bool | Invalid:
    return given if isinstance(given, bool) else Invalid("takes true or false")


def _line(given: object) -> str | Invalid:
    fits = is_text(given) and len(given) <= 200 and given.isprintable()
    return given if fits and is_text(given) else Invalid("takes a text of one line, 200 characters at most")


def _seconds(given: object) -> float | Invalid:
    fits = is_seconds(given) and isinstance(given, int | float)
    return float(given) if fits and isinstance(given, int | float) else Invalid("takes a number of seconds greater than 0")


def _port(given: object) -> int | Invalid:
    fits = at_least(given, 1) and isinstance(given, int) and given < 1 << 16
    return given if fits and isinstance(given, int) else Invalid("takes a number from 1 to 65535")


def _count(given: object) -> int | Invalid:
    fits = at_least(given, 1) and isinstance(given, int) and given < 10**9
    return given if fits and isinstance(given, int) else Invalid("takes a whole number of 1 or more")


def _channel(given: object) -> str | Invalid:
    taken = _one_of({name: name for name in ("slack", "gmail")})(given)
    return Invalid('takes "slack" or "gmail"', taken.write) if isinstance(taken, Invalid) else taken


def _host(given: object) -> str | Invalid:
    fits = is_text(given) and given.isprintable() and not any(c in given for c in " /@:")
    return given if fits and is_text(given) else Invalid("takes the name of a host, without a scheme or a port")


def _path(given: object) -> str | Invalid:
    return given if is_text(given) and _WHOLE_PATH.match(given) and given.isprintable() else Invalid("takes the whole path of a file")


def _proxies(given: object) -> Mapping[str, str] | Invalid:
    invalid = Invalid("takes a table of http:// proxies by scheme")
    if not is_table(given):
        return invalid
    urls = {scheme: url for scheme, url in given.items() if isinstance(url, str) and _PROXY.fullmatch(url)}
    return urls if len(urls) == len(given) else invalid


def _listed(check: Callable[[object], _T | Invalid], words: str) -> Callable[[object], tuple[_T, ...] | Invalid]:
    def checked(given: object) -> tuple[_T, ...] | Invalid:
        if not is_list(given):
            return Invalid(f"takes {words}")
        found: list[_T] = []
        for number, item in enumerate(given, 1):
            taken = check(item)
            if isinstance(taken, Invalid):
                return Invalid(f"takes {words}, and its item {number} is none", taken.write)
            found.append(taken)
        return tuple(dict.fromkeys(found))

    return checked


def _one_of(known: Mapping[str, _T]) -> Callable[[object], _T | Invalid]:
    """Return a check of a word, ignoring case."""
    by_fold = {name.casefold(): value for name, value in known.items()}

    def checked(given: object) -> _T | Invalid:
        if isinstance(given, str) and given.casefold() in by_fold:
            return by_fold[given.casefold()]
        return Invalid("is none", hint(given, known) if isinstance(given, str) else None)

    return checked


def _kinds(given: object) -> Kinds | Invalid:
    found = _states(given)
    return found if isinstance(found, Invalid) else frozenset(found)


def _mentions(given: object) -> tuple[str, ...] | Invalid:
    found = _each_mention(given)
    return Invalid(f"takes at most {MOST_MENTIONS} ids") if isinstance(found, tuple) and len(found) > MOST_MENTIONS else found


def _mention(given: object) -> str | Invalid:
    return given if is_mention(given) else Invalid("is none", mention_hint(given))


_each_mention = _listed(_mention, "a list of ids on Slack, here, channel or everyone")
_states = _listed(_one_of({kind.__name__: kind for kind in KINDS}), "a list of names of states")
_NAME = "the name of a secret, never the secret itself"

KINDS_OF_STATES = ValueType("a list of names of states", '["Failed", "Retrying"]', "Failed,Retrying", _kinds, _items)
NOTIFIERS = ValueType(
    'a list of "slack" and "gmail"',
    '["slack", "gmail"]',
    "slack,gmail",
    _listed(_one_of({name: name for name in ("slack", "gmail")}), 'a list of "slack" and "gmail"'),
    _items,
)
LINE = ValueType("a text of one line", '"production"', "production", _line)
SWITCH = ValueType("true or false", "true", "true", _switch, _yes_or_no)
SECONDS = ValueType("a number of seconds", "30", "30", _seconds, _number)
COUNT = ValueType("a whole number of 1 or more", "100", "100", _count, _whole)
CHANNEL = ValueType('"slack" or "gmail"', '"gmail"', "gmail", _channel)
SECRET = ValueType("the name of a secret", '"TEAM_WEBHOOK"', "TEAM_WEBHOOK", _from_option(options.webhook_secret, _NAME))
TOKEN = ValueType("the name of a secret", '"SLACK_BOT_TOKEN"', "SLACK_BOT_TOKEN", _from_option(options.token_secret, _NAME))
DATABASE = ValueType("the name of a secret", '"OUTBOX_URL"', "OUTBOX_URL", _from_option(options.token_secret, _NAME))
SLACK_CHANNEL = ValueType(
    "a channel of Slack's: its name, or its id",
    '"#ops"',
    "#ops",
    _from_option(options.channel, "a channel of Slack's: its name, or its id"),
)
SECRETS = ValueType(
    "a list of names of secrets",
    '["DATABASE_PASSWORD"]',
    "DATABASE_PASSWORD",
    _listed(_from_option(options.webhook_secret, _NAME), "a list of names of secrets, never the secrets themselves"),
    _items,
)
LINK = ValueType(
    "an http(s) URL", '"https://example.com/runs"', "https://example.com/runs", _from_option(options.title_link, "an http(s) URL")
)
MENTIONS = ValueType(
    "a list of ids on Slack, here, channel or everyone",
    '["U0123ABCD", "here"]',
    "U0123ABCD,here",
    _mentions,
    _items,
)
ADDRESSES = ValueType(
    "a list of mail addresses",
    '["ops@example.com"]',
    "ops@example.com",
    _from_option(options.copies, "a list of 1 to 100 mail addresses"),
    _items,
)
HOST = ValueType("the name of a host", '"smtp.gmail.com"', "smtp.gmail.com", _host)
HOSTS = ValueType(
    "a list of names of hosts", '["slack.example.com"]', "slack.example.com", _listed(_host, "a list of names of hosts"), _items
)
PORT = ValueType("a number from 1 to 65535", "465", "465", _port, _whole)
PATH = ValueType("the whole path of a file", '"/etc/ssl/company.pem"', "/etc/ssl/company.pem", _path)
PROXIES = ValueType("a table of proxies by scheme", '{ https = "http://proxy:3128" }', "https=http://proxy:3128", _proxies, _pairs)
