"""What one place sets: a file, the environment, the options of a command. The values are as they were written, and were checked.

Several layers as one configuration: of each key the strongest layer counts that sets it, and then the default.

Settings that mean something only together: where one is missing, the other is left out, with a fault.

They may stand in two places, a project's file and the user's, so it is the whole that is looked at, once it is one.
"""

from collections.abc import Mapping
from typing import TypeVar

import attrs

from tocsin.core.config import schema
from tocsin.core.config.problems import Problem
from tocsin.core.config.schema import (
    DEFAULT,
    KEYS,
    SLACK_CHANNEL,
    SLACK_TOKEN_SECRET,
    ConfigKey,
    Configuration,
    DeliverySettings,
    GmailSettings,
    SecretSettings,
    SlackSettings,
)
from tocsin.core.config.value_types import Invalid
from tocsin.core.values import Value


@attrs.frozen(eq=False, repr=False)
class Setting(Value):
    """A value as it was written, and where: ``FILE:LINE``, ``environment variable NAME``."""

    value: object = attrs.field(repr=False)
    origin: str


@attrs.frozen(eq=False, repr=False)
class Layer(Value):
    """What one place sets, by the names of the keys."""

    settings: Mapping[str, Setting] = attrs.field(factory=dict[str, Setting], hash=False)


def layer_from(values: Mapping[str, object], origin: str = "option") -> Layer | Problem:
    """What code sets, or the options of a command; None leaves a key alone.

    >>> layer_from({"only": ["Failed"], "ignore": None})
    Layer(settings={'only': Setting(origin='option')})
    >>> print(layer_from({"only": "Failed"}, "option --only"))
    option --only: only: takes a list of names of states; write only = ["Failed", "Retrying"]
    """
    settings: dict[str, Setting] = {}
    for name, value in values.items():
        if value is not None:
            fault = checked(KEYS[name], value, origin)
            if fault is not None:
                return fault
            settings[name] = Setting(value, origin)
    return Layer(settings)


def checked(key: ConfigKey[object], value: object, where: str) -> Problem | None:
    """What is wrong with a value for a key, as TOML has it."""
    taken = key.takes.check(value)
    write = f"write {key.path[-1]} = {key.takes.example}"
    return Problem(where, f"{key.name}: {taken.what}", taken.write or write) if isinstance(taken, Invalid) else None


_T = TypeVar("_T")


def merge(*layers: Layer) -> Configuration:
    """The configuration that the layers make, the strongest first. A value that its key does not take is as if it were not there.

    >>> from tocsin.core.config.merging import layer_from
    >>> merge(layer_from({"only": ["Failed"]})).only
    frozenset({<class 'tocsin.core.states.Failed'>})
    """
    origins = dict.fromkeys(schema.KEYS, DEFAULT)

    def of(key: ConfigKey[_T]) -> _T:
        for layer in layers:
            setting = layer.settings.get(key.name)
            taken = Invalid("it is not set") if setting is None else key.takes.check(setting.value)
            if setting is not None and not isinstance(taken, Invalid):
                origins[key.name] = setting.origin
                return taken
        return key.default

    return Configuration(
        notifiers=of(schema.NOTIFIERS),
        only=of(schema.ONLY),
        ignore=of(schema.IGNORE),
        environment=of(schema.ENVIRONMENT),
        traceback=of(schema.TRACEBACK),
        slack=SlackSettings(
            webhook_secret=of(schema.SLACK_WEBHOOK_SECRET),
            token_secret=of(schema.SLACK_TOKEN_SECRET),
            channel=of(schema.SLACK_CHANNEL),
            title_link=of(schema.SLACK_TITLE_LINK),
            only=of(schema.SLACK_ONLY),
            ignore=of(schema.SLACK_IGNORE),
            connect_timeout=of(schema.SLACK_CONNECT),
            read_timeout=of(schema.SLACK_READ),
            deadline=of(schema.SLACK_DEADLINE),
            allowed_hosts=of(schema.SLACK_HOSTS),
            ca_bundle=of(schema.SLACK_BUNDLE),
            proxies=of(schema.SLACK_PROXIES),
        ),
        gmail=GmailSettings(
            to=of(schema.GMAIL_TO),
            cc=of(schema.GMAIL_CC),
            only=of(schema.GMAIL_ONLY),
            ignore=of(schema.GMAIL_IGNORE),
            host=of(schema.GMAIL_HOST),
            port=of(schema.GMAIL_PORT),
            ca_bundle=of(schema.GMAIL_BUNDLE),
            connect_timeout=of(schema.GMAIL_CONNECT),
            read_timeout=of(schema.GMAIL_READ),
            deadline=of(schema.GMAIL_DEADLINE),
            daily=of(schema.GMAIL_DAILY),
        ),
        delivery=DeliverySettings(
            exit_timeout=of(schema.DELIVERY_EXIT_TIMEOUT),
            attempts=of(schema.DELIVERY_ATTEMPTS),
            retry_for=of(schema.DELIVERY_RETRY_FOR),
            max_queue=of(schema.DELIVERY_MAX_QUEUE),
            fallback=of(schema.DELIVERY_FALLBACK),
            outbox=of(schema.DELIVERY_OUTBOX),
            outbox_secret=of(schema.DELIVERY_OUTBOX_SECRET),
        ),
        secrets=SecretSettings(names=of(schema.SECRETS_NAMES), keyring=of(schema.SECRETS_KEYRING)),
        origins=origins,
    )


_VARIABLE = "environment variable "


def drop_incomplete(config: Configuration) -> tuple[Configuration, tuple[Problem, ...]]:
    """The configuration without what is there by half, and what is wrong with that.

    >>> from tocsin.core.config.merging import layer_from
    >>> from tocsin.core.config.merging import merge
    >>> _, faults = drop_incomplete(merge(layer_from({"slack.channel": "#ops"}, "tocsin.toml:3")))
    >>> [fault.what for fault in faults]
    ['slack.channel: it means nothing without slack.token_secret']
    """
    slack = config.slack
    if (slack.token_secret is None) == (slack.channel is None):
        return config, ()
    there, missing = (SLACK_TOKEN_SECRET, SLACK_CHANNEL) if slack.channel is None else (SLACK_CHANNEL, SLACK_TOKEN_SECRET)
    whole = attrs.evolve(
        config,
        slack=attrs.evolve(slack, token_secret=None, channel=None),
        origins={**config.origins, there.name: DEFAULT},
    )
    return whole, (_fault(config.origins[there.name], there, missing),)


def _fault(origin: str, there: ConfigKey[str | None], missing: ConfigKey[str | None]) -> Problem:
    file = "a tocsin.toml" if missing.shared else "your own tocsin.toml"
    write = f"write {missing.name} = {missing.takes.example} in {file}, or set {missing.variable}={missing.takes.spelt}"
    return Problem(origin.removeprefix(_VARIABLE), f"{there.name}: it means nothing without {missing.name}", write)
