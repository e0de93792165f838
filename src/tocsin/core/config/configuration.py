"""The configuration: one value, complete, with the place that each part comes from."""

from collections.abc import Mapping

import attrs

from tocsin.core.kinds import Kinds
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
