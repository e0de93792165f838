"""The table of all configuration keys, in the order in which they are shown, and the complete configuration as one value.

A value is shown in TOML's notation, without the login of a proxy or a link.

A project's file comes with the project, and its author need not be its user. So it may set what is reported and when, and may name
secrets whose names look like a secret's. Only the user sets where messages go, which CAs TLS trusts, and where secrets are.
"""

from collections.abc import Mapping
from typing import Generic, TypeVar

import attrs

from tocsin.core.config import value_types
from tocsin.core.config.value_types import ValueType
from tocsin.core.delivery.destinations import without_login
from tocsin.core.filters.predicates import Kinds, are_kinds, names
from tocsin.core.states import Failed, Finished
from tocsin.core.validation import is_list, is_table
from tocsin.core.values import Value

DEFAULT = "default"
USERNAME, PASSWORD = "EMAIL_USERNAME", "EMAIL_PASSWORD"
"""The names of the secrets of the mail account."""

Shown = str | float | bool | list[str] | dict[str, str] | None
"""A value as it may be shown."""


@attrs.frozen(eq=False, repr=False, kw_only=True)
class SlackSettings(Value):
    """The settings of Slack. None in ``only`` or ``ignore`` means the configuration's value.

    With both ``token_secret`` and ``channel``, an app posts the messages; else a webhook takes them.
    """

    webhook_secret: str
    token_secret: str | None
    channel: str | None
    title_link: str | None
    mention: tuple[str, ...]
    mention_states: Kinds
    only: Kinds | None
    ignore: Kinds | None
    connect_timeout: float
    read_timeout: float
    deadline: float
    allowed_hosts: tuple[str, ...]
    ca_bundle: str | None
    proxies: Mapping[str, str] | None = attrs.field(repr=False)


@attrs.frozen(eq=False, repr=False, kw_only=True)
class GmailSettings(Value):
    """The settings of mail. An empty ``to`` means the account. None in ``only`` or ``ignore`` means the configuration's value."""

    to: tuple[str, ...]
    cc: tuple[str, ...]
    only: Kinds | None
    ignore: Kinds | None
    host: str
    port: int
    ca_bundle: str | None
    connect_timeout: float
    read_timeout: float
    deadline: float
    daily: int


@attrs.frozen(eq=False, repr=False, kw_only=True)
class DeliverySettings(Value):
    """The settings of delivery.

    Times are in seconds. ``fallback`` is "slack", "gmail" or None. ``outbox_secret`` names the secret with the database's URL.
    """

    exit_timeout: float
    attempts: int
    retry_for: float
    max_queue: int
    fallback: str | None
    outbox: bool
    outbox_secret: str | None


@attrs.frozen(eq=False, repr=False, kw_only=True)
class SecretSettings(Value):
    """The names of further secrets, and whether the keyring is searched."""

    names: tuple[str, ...]
    keyring: bool


def _secret_names(config: "Configuration") -> tuple[str, ...]:
    needed = (config.slack.webhook_secret, config.slack.token_secret, USERNAME, PASSWORD, config.delivery.outbox_secret)
    return tuple(dict.fromkeys((*(name for name in needed if name is not None), *config.secrets.names)))


@attrs.frozen(eq=False, repr=False, kw_only=True)
class Configuration(Value):
    """A complete configuration.

    Args:
        notifiers: "slack", "gmail" or both; None means those whose secrets are found.
        only: the kinds of states to notify about; an empty set means all.
        ignore: the kinds of states never to notify about.
        environment: the name of the environment in messages.
        traceback: whether to add the last frames of an exception.
        slack: the settings of Slack.
        gmail: the settings of mail.
        delivery: the settings of delivery.
        secrets: the settings of secrets.
        origins: the origin of each value, by the name of its key: ``default``, ``environment variable NAME`` or ``FILE:LINE``.
    """

    notifiers: tuple[str, ...] | None
    only: Kinds
    ignore: Kinds
    environment: str | None
    traceback: bool
    slack: SlackSettings
    gmail: GmailSettings
    delivery: DeliverySettings
    secrets: SecretSettings
    origins: Mapping[str, str]

    secret_names: tuple[str, ...] = attrs.field(init=False, default=attrs.Factory(_secret_names, takes_self=True))
    """The names of all secrets that tocsin may look up, without duplicates.

    They are those of the channels (the webhook's even if an app posts), the outbox's, and those that the configuration lists.
    """


_T_co = TypeVar("_T_co", covariant=True)


@attrs.frozen(eq=False)
class ConfigKey(Generic[_T_co]):
    """A key of the configuration.

    Args:
        name: the name, with the name of its table before it: ``slack.deadline``.
        takes: the type of its value.
        default: its value if no layer sets it.
        help: its purpose, in one line.
        shared: whether a project's file may set it.
        absent: what an absent value means.
        named: the environment variable that sets it, if its name does not follow from ``name``.
    """

    name: str
    takes: ValueType[_T_co]
    default: _T_co
    help: str
    shared: bool = attrs.field(default=True, kw_only=True)
    absent: str = attrs.field(default="none", kw_only=True)
    named: str | None = attrs.field(default=None, kw_only=True)

    @property
    def variable(self) -> str:
        """Return the environment variable that sets the key."""
        return self.named or f"TOCSIN_{self.name.replace('.', '_').upper()}"

    @property
    def path(self) -> tuple[str, ...]:
        """Return the name as TOML nests it."""
        return tuple(self.name.split("."))


_END_STATES: Kinds = frozenset({Finished})

NOTIFIERS: ConfigKey[tuple[str, ...] | None] = ConfigKey(
    "notifiers", value_types.NOTIFIERS, None, "the notifiers, unless a program names others", absent="those whose secrets are found"
)
ONLY: ConfigKey[Kinds] = ConfigKey(
    "only", value_types.KINDS_OF_STATES, _END_STATES, "the states to notify about, with their substates; an empty list: all"
)
IGNORE: ConfigKey[Kinds] = ConfigKey(
    "ignore", value_types.KINDS_OF_STATES, frozenset(), "the states never to notify about; it takes precedence over `only`"
)
ENVIRONMENT: ConfigKey[str | None] = ConfigKey(
    "environment", value_types.LINE, None, "the name of the environment in messages, such as production", named="TOCSIN_ENV"
)
TRACEBACK: ConfigKey[bool] = ConfigKey("traceback", value_types.SWITCH, False, "whether to add the last ten frames of an exception")

SLACK_WEBHOOK_SECRET: ConfigKey[str] = ConfigKey(
    "slack.webhook_secret", value_types.SECRET, "SLACK_WEBHOOK_URL", "the name of the secret that holds the webhook's URL"
)
SLACK_TOKEN_SECRET: ConfigKey[str | None] = ConfigKey(
    "slack.token_secret", value_types.TOKEN, None, "the name of the secret that holds the bot token of an app, which then posts"
)
SLACK_CHANNEL: ConfigKey[str | None] = ConfigKey(
    "slack.channel", value_types.SLACK_CHANNEL, None, "the channel that the app posts into", shared=False
)
SLACK_TITLE_LINK: ConfigKey[str | None] = ConfigKey("slack.title_link", value_types.LINK, None, "where the title of a message leads")
SLACK_MENTION: ConfigKey[tuple[str, ...]] = ConfigKey(
    "slack.mention", value_types.MENTIONS, (), "whom a message about a failure mentions: people, user groups, or those of the channel"
)
SLACK_MENTION_STATES: ConfigKey[Kinds] = ConfigKey(
    "slack.mention_states",
    value_types.KINDS_OF_STATES,
    frozenset({Failed}),
    "the states whose messages mention them, with their substates; an empty list: all",
)
SLACK_ONLY: ConfigKey[Kinds | None] = ConfigKey(
    "slack.only", value_types.KINDS_OF_STATES, None, "`only`, for Slack", absent="as `only`"
)
SLACK_IGNORE: ConfigKey[Kinds | None] = ConfigKey(
    "slack.ignore", value_types.KINDS_OF_STATES, None, "`ignore`, for Slack", absent="as `ignore`"
)
SLACK_CONNECT: ConfigKey[float] = ConfigKey(
    "slack.connect_timeout", value_types.SECONDS, 5.0, "how long connecting may take, in seconds"
)
SLACK_READ: ConfigKey[float] = ConfigKey("slack.read_timeout", value_types.SECONDS, 10.0, "how long Slack may be silent, in seconds")
SLACK_DEADLINE: ConfigKey[float] = ConfigKey(
    "slack.deadline", value_types.SECONDS, 30.0, "how long a message may take in all, in seconds"
)
SLACK_HOSTS: ConfigKey[tuple[str, ...]] = ConfigKey(
    "slack.allowed_hosts", value_types.HOSTS, (), "hosts that a webhook may lead to besides Slack's own", shared=False
)
SLACK_BUNDLE: ConfigKey[str | None] = ConfigKey(
    "slack.ca_bundle", value_types.PATH, None, "a file with the only CA certificates to trust", shared=False, absent="the system's"
)
SLACK_PROXIES: ConfigKey[Mapping[str, str] | None] = ConfigKey(
    "slack.proxies",
    value_types.PROXIES,
    None,
    "proxies by scheme; an empty table: none",
    shared=False,
    absent="those of the environment",
)

GMAIL_TO: ConfigKey[tuple[str, ...]] = ConfigKey(
    "gmail.to", value_types.ADDRESSES, (), "addresses for To; an empty list: the account itself", shared=False
)
GMAIL_CC: ConfigKey[tuple[str, ...]] = ConfigKey("gmail.cc", value_types.ADDRESSES, (), "addresses for Cc", shared=False)
GMAIL_ONLY: ConfigKey[Kinds | None] = ConfigKey("gmail.only", value_types.KINDS_OF_STATES, None, "`only`, for mail", absent="as `only`")
GMAIL_IGNORE: ConfigKey[Kinds | None] = ConfigKey(
    "gmail.ignore", value_types.KINDS_OF_STATES, None, "`ignore`, for mail", absent="as `ignore`"
)
GMAIL_HOST: ConfigKey[str] = ConfigKey("gmail.host", value_types.HOST, "smtp.gmail.com", "the SMTP server", shared=False)
GMAIL_PORT: ConfigKey[int] = ConfigKey("gmail.port", value_types.PORT, 465, "its port, with TLS from the first byte", shared=False)
GMAIL_BUNDLE: ConfigKey[str | None] = ConfigKey(
    "gmail.ca_bundle", value_types.PATH, None, "a file with the only CA certificates to trust", shared=False, absent="the system's"
)
GMAIL_CONNECT: ConfigKey[float] = ConfigKey(
    "gmail.connect_timeout", value_types.SECONDS, 5.0, "how long connecting may take, in seconds"
)
GMAIL_READ: ConfigKey[float] = ConfigKey(
    "gmail.read_timeout", value_types.SECONDS, 10.0, "how long the server may be silent, in seconds"
)
GMAIL_DEADLINE: ConfigKey[float] = ConfigKey("gmail.deadline", value_types.SECONDS, 30.0, "how long a mail may take in all, in seconds")
GMAIL_DAILY: ConfigKey[int] = ConfigKey(
    "gmail.daily", value_types.COUNT, 500, "how many mails may go in any day: 500, or 2000 with Workspace"
)

DELIVERY_EXIT_TIMEOUT: ConfigKey[float] = ConfigKey(
    "delivery.exit_timeout", value_types.SECONDS, 10.0, "how long a program waits at its end for what is not sent yet, in seconds"
)
DELIVERY_ATTEMPTS: ConfigKey[int] = ConfigKey("delivery.attempts", value_types.COUNT, 10, "how often a message is tried")
DELIVERY_RETRY_FOR: ConfigKey[float] = ConfigKey(
    "delivery.retry_for", value_types.SECONDS, 300.0, "for how long a message is tried, in seconds"
)
DELIVERY_MAX_QUEUE: ConfigKey[int] = ConfigKey(
    "delivery.max_queue", value_types.COUNT, 1000, "how many messages may wait for one destination before they are folded"
)
DELIVERY_FALLBACK: ConfigKey[str | None] = ConfigKey(
    "delivery.fallback", value_types.CHANNEL, None, "the channel for messages whose own channel fails", shared=False
)

DELIVERY_OUTBOX: ConfigKey[bool] = ConfigKey(
    "delivery.outbox", value_types.SWITCH, False, "whether messages are kept in an outbox until they are sent", shared=False
)
DELIVERY_OUTBOX_SECRET: ConfigKey[str | None] = ConfigKey(
    "delivery.outbox_secret",
    value_types.DATABASE,
    None,
    "the name of the secret that holds the URL of the outbox's database",
    shared=False,
    absent="a file of SQLite",
)

SECRETS_NAMES: ConfigKey[tuple[str, ...]] = ConfigKey(
    "secrets.names", value_types.SECRETS, (), "further secrets, by name: `--scrub-env` removes them, `tocsin check` looks for them"
)
SECRETS_KEYRING: ConfigKey[bool] = ConfigKey(
    "secrets.keyring", value_types.SWITCH, False, "whether to look into the system's keyring too", shared=False
)

TABLE: tuple[ConfigKey[object], ...] = (
    NOTIFIERS, ONLY, IGNORE, ENVIRONMENT, TRACEBACK,
    SLACK_WEBHOOK_SECRET, SLACK_TOKEN_SECRET, SLACK_CHANNEL, SLACK_TITLE_LINK, SLACK_MENTION, SLACK_MENTION_STATES, SLACK_ONLY,
    SLACK_IGNORE, SLACK_CONNECT, SLACK_READ, SLACK_DEADLINE, SLACK_HOSTS, SLACK_BUNDLE, SLACK_PROXIES,
    GMAIL_TO, GMAIL_CC, GMAIL_ONLY, GMAIL_IGNORE, GMAIL_HOST, GMAIL_PORT, GMAIL_BUNDLE, GMAIL_CONNECT, GMAIL_READ, GMAIL_DEADLINE,
    GMAIL_DAILY,
    DELIVERY_EXIT_TIMEOUT, DELIVERY_ATTEMPTS, DELIVERY_RETRY_FOR, DELIVERY_MAX_QUEUE, DELIVERY_FALLBACK, DELIVERY_OUTBOX,
    DELIVERY_OUTBOX_SECRET,
    SECRETS_NAMES, SECRETS_KEYRING,
)  # fmt: skip
"""Every key."""

KEYS: Mapping[str, ConfigKey[object]] = {key.name: key for key in TABLE}

RENAMED: Mapping[str, ConfigKey[object]] = {"delivery.patience": DELIVERY_EXIT_TIMEOUT, "delivery.queue": DELIVERY_MAX_QUEUE}
"""Names that are no longer read, and the key that replaced each."""
SECTIONS: tuple[str, ...] = tuple(dict.fromkeys(key.path[0] for key in TABLE if len(key.path) > 1))


def value_of(config: Configuration, key: ConfigKey[object]) -> object:
    """Return the value of a key."""
    found: object = config
    for name in key.path:
        found = getattr(found, name)
    return found


def shown(value: object) -> Shown:
    """Convert a value to JSON types, without the login of a proxy or a link.

    >>> shown({"https": "http://me:my@word@proxy:3128"})
    {'https': 'http://...@proxy:3128'}
    """
    if is_table(value):
        return {name: without_login(str(url)) for name, url in value.items()}
    if is_list(value):
        return [str(item) for item in value]
    if are_kinds(value):
        return names(value).split(", ") if value else []
    if isinstance(value, str):
        return without_login(value)
    return value if isinstance(value, float | int) else None


def written(config: Configuration, key: ConfigKey[object]) -> str:
    """Return the value of a key as a file would set it; in words if it is absent."""
    value = shown(value_of(config, key))
    return f"({key.absent})" if value is None else _toml(value)


def _toml(value: Shown) -> str:
    match value:
        case str():
            return f'"{value}"'
        case bool():
            return str(value).lower()
        case list():
            return f"[{', '.join(_toml(item) for item in value)}]"
        case dict():
            return f"{{ {', '.join(f'{name} = {_toml(item)}' for name, item in value.items())} }}"
        case _:
            return f"{value:g}"
