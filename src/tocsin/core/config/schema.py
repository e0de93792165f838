"""The configuration: one value, complete, with the place that each part comes from.

The table of all that may be set, in the order in which it is shown.

A project's file comes with the project, and whoever wrote it need not be its user: so it may say what is told and when, and may name
secrets, by names such as secrets have. Where messages go, whom TLS trusts, and where secrets lie is set by the user alone.
"""

from collections.abc import Mapping
from typing import Generic, TypeVar

import attrs

from tocsin.core.config import value_types
from tocsin.core.config.value_types import Takes
from tocsin.core.options import Kinds
from tocsin.core.states import Finished
from tocsin.core.values import Value

DEFAULT = "default"


@attrs.frozen(eq=False, repr=False, kw_only=True)
class SlackSettings(Value):
    """How Slack is told; of ``only`` and ``ignore`` None means the configuration's.

    With both ``token_secret`` and ``channel``, an app tells it; else a webhook takes what is told.
    """

    webhook_secret: str
    token_secret: str | None
    channel: str | None
    title_link: str | None
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
    """How mail is sent; an empty ``to`` is the account itself, and of ``only`` and ``ignore`` None means the configuration's."""

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
    """How messages get there: times in seconds, the fallback "slack", "gmail" or None, and the name of the secret with a URL."""

    patience: float
    attempts: int
    retry_for: float
    queue: int
    fallback: str | None
    outbox: bool
    outbox_secret: str | None


@attrs.frozen(eq=False, repr=False, kw_only=True)
class SecretSettings(Value):
    """Which secrets there are besides ours, by name, and whether the keyring is looked into."""

    names: tuple[str, ...]
    keyring: bool


@attrs.frozen(eq=False, repr=False, kw_only=True)
class Configuration(Value):
    """All that may be set, set.

    Args:
        notifiers: "slack", "gmail"; None means those whose secrets are found.
        only: the kinds of states to tell; none means all.
        ignore: the kinds of states never to tell.
        environment: what messages call the environment.
        traceback: whether to add the last frames of an exception.
        slack: how Slack is told.
        gmail: how mail is sent.
        delivery: how messages get there.
        secrets: which secrets there are.
        origins: where each value comes from, by the name of its key: ``default``, ``environment variable NAME``, ``FILE:LINE``.
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


_T_co = TypeVar("_T_co", covariant=True)


@attrs.frozen(eq=False)
class Key(Generic[_T_co]):
    """Something that may be set.

    Args:
        name: its name, with that of its table before it: ``slack.deadline``.
        takes: what it takes.
        default: its value where nobody sets it.
        help: what it is for, in one line.
        shared: whether a project's file may set it.
        absent: what it means that there is no value.
        named: the environment variable that sets it, where that does not follow from the name.
    """

    name: str
    takes: Takes[_T_co]
    default: _T_co
    help: str
    shared: bool = attrs.field(default=True, kw_only=True)
    absent: str = attrs.field(default="none", kw_only=True)
    named: str | None = attrs.field(default=None, kw_only=True)

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return self.named or f"TOCSIN_{self.name.replace('.', '_').upper()}"

    @property
    def path(self) -> tuple[str, ...]:
        """The name, as TOML nests it."""
        return tuple(self.name.split("."))


_HOW_IT_ENDED: Kinds = frozenset({Finished})

NOTIFIERS: Key[tuple[str, ...] | None] = Key(
    "notifiers", value_types.NOTIFIERS, None, "who is told, where nothing else is said", absent="those whose secrets are found"
)
ONLY: Key[Kinds] = Key(
    "only", value_types.KINDS_OF_STATES, _HOW_IT_ENDED, "the states to tell, with those under them; an empty list: all"
)
IGNORE: Key[Kinds] = Key("ignore", value_types.KINDS_OF_STATES, frozenset(), "the states never to tell; they come before `only`")
ENVIRONMENT: Key[str | None] = Key(
    "environment", value_types.LINE, None, "what messages call the environment, such as production", named="TOCSIN_ENV"
)
TRACEBACK: Key[bool] = Key("traceback", value_types.SWITCH, False, "whether to add the last ten frames of an exception")

SLACK_WEBHOOK_SECRET: Key[str] = Key(
    "slack.webhook_secret", value_types.SECRET, "SLACK_WEBHOOK_URL", "the name of the secret that holds the webhook's URL"
)
SLACK_TOKEN_SECRET: Key[str | None] = Key(
    "slack.token_secret", value_types.TOKEN, None, "the name of the secret that holds the bot token of an app, which then posts"
)
SLACK_CHANNEL: Key[str | None] = Key("slack.channel", value_types.ROOM, None, "the channel that the app posts into", shared=False)
SLACK_TITLE_LINK: Key[str | None] = Key("slack.title_link", value_types.LINK, None, "where the title of a message leads")
SLACK_ONLY: Key[Kinds | None] = Key("slack.only", value_types.KINDS_OF_STATES, None, "`only`, for Slack", absent="as `only`")
SLACK_IGNORE: Key[Kinds | None] = Key("slack.ignore", value_types.KINDS_OF_STATES, None, "`ignore`, for Slack", absent="as `ignore`")
SLACK_CONNECT: Key[float] = Key("slack.connect_timeout", value_types.SECONDS, 5.0, "how long connecting may take, in seconds")
SLACK_READ: Key[float] = Key("slack.read_timeout", value_types.SECONDS, 10.0, "how long Slack may be silent, in seconds")
SLACK_DEADLINE: Key[float] = Key("slack.deadline", value_types.SECONDS, 30.0, "how long a message may take in all, in seconds")
SLACK_HOSTS: Key[tuple[str, ...]] = Key(
    "slack.allowed_hosts", value_types.HOSTS, (), "hosts that a webhook may lead to besides Slack's own", shared=False
)
SLACK_BUNDLE: Key[str | None] = Key(
    "slack.ca_bundle", value_types.PATH, None, "a file with the only CA certificates to trust", shared=False, absent="the system's"
)
SLACK_PROXIES: Key[Mapping[str, str] | None] = Key(
    "slack.proxies",
    value_types.PROXIES,
    None,
    "proxies by scheme; an empty table: none",
    shared=False,
    absent="those of the environment",
)

GMAIL_TO: Key[tuple[str, ...]] = Key(
    "gmail.to", value_types.ADDRESSES, (), "addresses for To; an empty list: the account itself", shared=False
)
GMAIL_CC: Key[tuple[str, ...]] = Key("gmail.cc", value_types.ADDRESSES, (), "addresses for Cc", shared=False)
GMAIL_ONLY: Key[Kinds | None] = Key("gmail.only", value_types.KINDS_OF_STATES, None, "`only`, for mail", absent="as `only`")
GMAIL_IGNORE: Key[Kinds | None] = Key("gmail.ignore", value_types.KINDS_OF_STATES, None, "`ignore`, for mail", absent="as `ignore`")
GMAIL_HOST: Key[str] = Key("gmail.host", value_types.HOST, "smtp.gmail.com", "the SMTP server", shared=False)
GMAIL_PORT: Key[int] = Key("gmail.port", value_types.PORT, 465, "its port, with TLS from the first byte", shared=False)
GMAIL_BUNDLE: Key[str | None] = Key(
    "gmail.ca_bundle", value_types.PATH, None, "a file with the only CA certificates to trust", shared=False, absent="the system's"
)
GMAIL_CONNECT: Key[float] = Key("gmail.connect_timeout", value_types.SECONDS, 5.0, "how long connecting may take, in seconds")
GMAIL_READ: Key[float] = Key("gmail.read_timeout", value_types.SECONDS, 10.0, "how long the server may be silent, in seconds")
GMAIL_DEADLINE: Key[float] = Key("gmail.deadline", value_types.SECONDS, 30.0, "how long a mail may take in all, in seconds")
GMAIL_DAILY: Key[int] = Key("gmail.daily", value_types.COUNT, 500, "how many mails may go in any day: 500, or 2000 with Workspace")

DELIVERY_PATIENCE: Key[float] = Key(
    "delivery.patience", value_types.SECONDS, 10.0, "how long a program waits at its end for what is not sent yet, in seconds"
)
DELIVERY_ATTEMPTS: Key[int] = Key("delivery.attempts", value_types.COUNT, 10, "how often a message is tried")
DELIVERY_RETRY_FOR: Key[float] = Key("delivery.retry_for", value_types.SECONDS, 300.0, "for how long a message is tried, in seconds")
DELIVERY_QUEUE: Key[int] = Key(
    "delivery.queue", value_types.COUNT, 1000, "how many messages may wait for one destination before they are folded"
)
DELIVERY_FALLBACK: Key[str | None] = Key(
    "delivery.fallback", value_types.CHANNEL, None, "the channel that messages go by where their own fails", shared=False
)

DELIVERY_OUTBOX: Key[bool] = Key(
    "delivery.outbox", value_types.SWITCH, False, "whether messages are kept in an outbox until they are sent", shared=False
)
DELIVERY_OUTBOX_SECRET: Key[str | None] = Key(
    "delivery.outbox_secret",
    value_types.DATABASE,
    None,
    "the name of the secret that holds the URL of the outbox's database",
    shared=False,
    absent="a file of SQLite",
)

SECRETS_NAMES: Key[tuple[str, ...]] = Key(
    "secrets.names", value_types.SECRETS, (), "further secrets, by name: `--scrub-env` removes them, `tocsin check` looks for them"
)
SECRETS_KEYRING: Key[bool] = Key(
    "secrets.keyring", value_types.SWITCH, False, "whether to look into the system's keyring too", shared=False
)

TABLE: tuple[Key[object], ...] = (
    NOTIFIERS, ONLY, IGNORE, ENVIRONMENT, TRACEBACK,
    SLACK_WEBHOOK_SECRET, SLACK_TOKEN_SECRET, SLACK_CHANNEL, SLACK_TITLE_LINK, SLACK_ONLY, SLACK_IGNORE, SLACK_CONNECT, SLACK_READ,
    SLACK_DEADLINE, SLACK_HOSTS, SLACK_BUNDLE, SLACK_PROXIES,
    GMAIL_TO, GMAIL_CC, GMAIL_ONLY, GMAIL_IGNORE, GMAIL_HOST, GMAIL_PORT, GMAIL_BUNDLE, GMAIL_CONNECT, GMAIL_READ, GMAIL_DEADLINE,
    GMAIL_DAILY,
    DELIVERY_PATIENCE, DELIVERY_ATTEMPTS, DELIVERY_RETRY_FOR, DELIVERY_QUEUE, DELIVERY_FALLBACK, DELIVERY_OUTBOX,
    DELIVERY_OUTBOX_SECRET,
    SECRETS_NAMES, SECRETS_KEYRING,
)  # fmt: skip
"""Every key."""

KEYS: Mapping[str, Key[object]] = {key.name: key for key in TABLE}
SECTIONS: tuple[str, ...] = tuple(dict.fromkeys(key.path[0] for key in TABLE if len(key.path) > 1))
