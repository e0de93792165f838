"""The table of all that may be set, in the order in which it is shown.

A project's file comes with the project, and whoever wrote it need not be its user: so it may say what is told and when, and may name
secrets, by names such as secrets have. Where messages go, whom TLS trusts, and where secrets lie is set by the user alone.
"""

from collections.abc import Mapping
from typing import Generic, TypeVar

import attrs

from tocsin.core.config import takes
from tocsin.core.config.takes import Takes
from tocsin.core.kinds import Kinds
from tocsin.core.states import Finished

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
    "notifiers", takes.NOTIFIERS, None, "who is told, where nothing else is said", absent="those whose secrets are found"
)
ONLY: Key[Kinds] = Key("only", takes.KINDS_OF_STATES, _HOW_IT_ENDED, "the states to tell, with those under them; an empty list: all")
IGNORE: Key[Kinds] = Key("ignore", takes.KINDS_OF_STATES, frozenset(), "the states never to tell; they come before `only`")
ENVIRONMENT: Key[str | None] = Key(
    "environment", takes.LINE, None, "what messages call the environment, such as production", named="TOCSIN_ENV"
)
TRACEBACK: Key[bool] = Key("traceback", takes.SWITCH, False, "whether to add the last ten frames of an exception")

SLACK_WEBHOOK_SECRET: Key[str] = Key(
    "slack.webhook_secret", takes.SECRET, "SLACK_WEBHOOK_URL", "the name of the secret that holds the webhook's URL"
)
SLACK_TOKEN_SECRET: Key[str | None] = Key(
    "slack.token_secret", takes.TOKEN, None, "the name of the secret that holds the bot token of an app, which then posts"
)
SLACK_CHANNEL: Key[str | None] = Key("slack.channel", takes.ROOM, None, "the channel that the app posts into", shared=False)
SLACK_TITLE_LINK: Key[str | None] = Key("slack.title_link", takes.LINK, None, "where the title of a message leads")
SLACK_ONLY: Key[Kinds | None] = Key("slack.only", takes.KINDS_OF_STATES, None, "`only`, for Slack", absent="as `only`")
SLACK_IGNORE: Key[Kinds | None] = Key("slack.ignore", takes.KINDS_OF_STATES, None, "`ignore`, for Slack", absent="as `ignore`")
SLACK_CONNECT: Key[float] = Key("slack.connect_timeout", takes.SECONDS, 5.0, "how long connecting may take, in seconds")
SLACK_READ: Key[float] = Key("slack.read_timeout", takes.SECONDS, 10.0, "how long Slack may be silent, in seconds")
SLACK_DEADLINE: Key[float] = Key("slack.deadline", takes.SECONDS, 30.0, "how long a message may take in all, in seconds")
SLACK_HOSTS: Key[tuple[str, ...]] = Key(
    "slack.allowed_hosts", takes.HOSTS, (), "hosts that a webhook may lead to besides Slack's own", shared=False
)
SLACK_BUNDLE: Key[str | None] = Key(
    "slack.ca_bundle", takes.PATH, None, "a file with the only CA certificates to trust", shared=False, absent="the system's"
)
SLACK_PROXIES: Key[Mapping[str, str] | None] = Key(
    "slack.proxies", takes.PROXIES, None, "proxies by scheme; an empty table: none", shared=False, absent="those of the environment"
)

GMAIL_TO: Key[tuple[str, ...]] = Key(
    "gmail.to", takes.ADDRESSES, (), "addresses for To; an empty list: the account itself", shared=False
)
GMAIL_CC: Key[tuple[str, ...]] = Key("gmail.cc", takes.ADDRESSES, (), "addresses for Cc", shared=False)
GMAIL_ONLY: Key[Kinds | None] = Key("gmail.only", takes.KINDS_OF_STATES, None, "`only`, for mail", absent="as `only`")
GMAIL_IGNORE: Key[Kinds | None] = Key("gmail.ignore", takes.KINDS_OF_STATES, None, "`ignore`, for mail", absent="as `ignore`")
GMAIL_HOST: Key[str] = Key("gmail.host", takes.HOST, "smtp.gmail.com", "the SMTP server", shared=False)
GMAIL_PORT: Key[int] = Key("gmail.port", takes.PORT, 465, "its port, with TLS from the first byte", shared=False)
GMAIL_BUNDLE: Key[str | None] = Key(
    "gmail.ca_bundle", takes.PATH, None, "a file with the only CA certificates to trust", shared=False, absent="the system's"
)
GMAIL_CONNECT: Key[float] = Key("gmail.connect_timeout", takes.SECONDS, 5.0, "how long connecting may take, in seconds")
GMAIL_READ: Key[float] = Key("gmail.read_timeout", takes.SECONDS, 10.0, "how long the server may be silent, in seconds")
GMAIL_DEADLINE: Key[float] = Key("gmail.deadline", takes.SECONDS, 30.0, "how long a mail may take in all, in seconds")
GMAIL_DAILY: Key[int] = Key("gmail.daily", takes.COUNT, 500, "how many mails may go in any day: 500, or 2000 with Workspace")

DELIVERY_PATIENCE: Key[float] = Key(
    "delivery.patience", takes.SECONDS, 10.0, "how long a program waits at its end for what is not sent yet, in seconds"
)
DELIVERY_ATTEMPTS: Key[int] = Key("delivery.attempts", takes.COUNT, 10, "how often a message is tried")
DELIVERY_RETRY_FOR: Key[float] = Key("delivery.retry_for", takes.SECONDS, 300.0, "for how long a message is tried, in seconds")
DELIVERY_QUEUE: Key[int] = Key(
    "delivery.queue", takes.COUNT, 1000, "how many messages may wait for one destination before they are folded"
)
DELIVERY_FALLBACK: Key[str | None] = Key(
    "delivery.fallback", takes.CHANNEL, None, "the channel that messages go by where their own fails", shared=False
)

DELIVERY_OUTBOX: Key[bool] = Key(
    "delivery.outbox", takes.SWITCH, False, "whether messages are kept in an outbox until they are sent", shared=False
)
DELIVERY_OUTBOX_SECRET: Key[str | None] = Key(
    "delivery.outbox_secret",
    takes.DATABASE,
    None,
    "the name of the secret that holds the URL of the outbox's database",
    shared=False,
    absent="a file of SQLite",
)

SECRETS_NAMES: Key[tuple[str, ...]] = Key(
    "secrets.names", takes.SECRETS, (), "further secrets, by name: `--scrub-env` removes them, `tocsin check` looks for them"
)
SECRETS_KEYRING: Key[bool] = Key("secrets.keyring", takes.SWITCH, False, "whether to look into the system's keyring too", shared=False)

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
