"""Layers of settings, and how they are merged into one configuration.

- A layer holds what one place sets: a file, the environment, or the options of a command. Its values are as written, and were checked.
- For each key the strongest layer that sets it counts, and then the default.
- The names of secrets in what was left out are added to those of ``secrets.names``.
- Some settings mean something only together. If one is missing, the other is dropped, with a problem. That is checked after merging,
  since they may stand in two places: a project's file and the user's.
"""

from collections.abc import Mapping
from typing import TypeVar

import attrs

from tocsin.core.config import schema
from tocsin.core.config.problems import Problem
from tocsin.core.config.schema import DEFAULT, ConfigKey, Configuration
from tocsin.core.config.value_types import Invalid
from tocsin.core.values import Value

_VARIABLE = "environment variable "
_T = TypeVar("_T")


@attrs.frozen(eq=False, repr=False)
class Setting(Value):
    """A value as written, and its origin: ``FILE:LINE``, ``environment variable NAME`` or an option."""

    value: object = attrs.field(repr=False)
    origin: str


@attrs.frozen(eq=False, repr=False)
class Layer(Value):
    """The settings of one place, by the names of their keys.

    ``secrets`` has the names of secrets in what was left out of the layer: these stay hidden all the same.
    """

    settings: Mapping[str, Setting] = attrs.field(factory=dict[str, Setting], hash=False)
    secrets: tuple[str, ...] = attrs.field(default=(), repr=False)


def layer_from(values: Mapping[str, object], origin: str = "option") -> Layer | Problem:
    """Make a layer of values from code or from the options of a command. A value of None does not set its key.

    >>> layer_from({"only": ["Failed"], "ignore": None})
    Layer(settings={'only': Setting(origin='option')})
    >>> print(layer_from({"only": "Failed"}, "option --only"))
    option --only: only: takes a list of names of states; write only = ["Failed", "Retrying"]
    """
    settings: dict[str, Setting] = {}
    for name, value in values.items():
        if value is not None:
            problem = checked(schema.KEYS[name], value, origin)
            if problem is not None:
                return problem
            settings[name] = Setting(value, origin)
    return Layer(settings)


def checked(key: ConfigKey[object], value: object, where: str) -> Problem | None:
    """Return what is wrong with a key's value in TOML types; None if nothing is."""
    taken = key.takes.check(value)
    write = f"write {key.path[-1]} = {key.takes.example}"
    return Problem(where, f"{key.name}: {taken.what}", taken.write or write) if isinstance(taken, Invalid) else None


def merge(*layers: Layer) -> Configuration:
    """Merge layers into a configuration, the strongest layer first. A value that its key does not take is ignored.

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
        slack=schema.SlackSettings(
            webhook_secret=of(schema.SLACK_WEBHOOK_SECRET),
            token_secret=of(schema.SLACK_TOKEN_SECRET),
            channel=of(schema.SLACK_CHANNEL),
            title_link=of(schema.SLACK_TITLE_LINK),
            mention=of(schema.SLACK_MENTION),
            mention_states=of(schema.SLACK_MENTION_STATES),
            only=of(schema.SLACK_ONLY),
            ignore=of(schema.SLACK_IGNORE),
            connect_timeout=of(schema.SLACK_CONNECT),
            read_timeout=of(schema.SLACK_READ),
            deadline=of(schema.SLACK_DEADLINE),
            allowed_hosts=of(schema.SLACK_HOSTS),
            ca_bundle=of(schema.SLACK_BUNDLE),
            proxies=of(schema.SLACK_PROXIES),
        ),
        gmail=schema.GmailSettings(
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
        delivery=schema.DeliverySettings(
            exit_timeout=of(schema.DELIVERY_EXIT_TIMEOUT),
            attempts=of(schema.DELIVERY_ATTEMPTS),
            retry_for=of(schema.DELIVERY_RETRY_FOR),
            max_queue=of(schema.DELIVERY_MAX_QUEUE),
            fallback=of(schema.DELIVERY_FALLBACK),
            outbox=of(schema.DELIVERY_OUTBOX),
            outbox_secret=of(schema.DELIVERY_OUTBOX_SECRET),
        ),
        secrets=schema.SecretSettings(names=_names(of(schema.SECRETS_NAMES), *layers), keyring=of(schema.SECRETS_KEYRING)),
        origins=origins,
    )


def _names(names: tuple[str, ...], *layers: Layer) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*names, *(name for layer in layers for name in layer.secrets)]))


def drop_incomplete(config: Configuration) -> tuple[Configuration, tuple[Problem, ...]]:
    """Drop settings whose counterpart is missing, and return the problems. The secret that is named there stays hidden.

    >>> _, problems = drop_incomplete(merge(layer_from({"slack.channel": "#ops"}, "tocsin.toml:3")))
    >>> [problem.what for problem in problems]
    ['slack.channel: it means nothing without slack.token_secret']
    """
    slack = config.slack
    if (slack.token_secret is None) == (slack.channel is None):
        return config, ()
    token, channel = schema.SLACK_TOKEN_SECRET, schema.SLACK_CHANNEL
    present, missing = (token, channel) if slack.channel is None else (channel, token)
    whole = attrs.evolve(
        config,
        slack=attrs.evolve(slack, token_secret=None, channel=None),
        secrets=config.secrets if slack.token_secret is None else _with_name(config.secrets, slack.token_secret),
        origins={**config.origins, present.name: DEFAULT},
    )
    return whole, (_missing(config.origins[present.name], present, missing),)


def _with_name(secrets: schema.SecretSettings, name: str) -> schema.SecretSettings:
    return attrs.evolve(secrets, names=tuple(dict.fromkeys((*secrets.names, name))))


def _missing(origin: str, present: ConfigKey[str | None], missing: ConfigKey[str | None]) -> Problem:
    file = "a tocsin.toml" if missing.shared else "your own tocsin.toml"
    write = f"write {missing.name} = {missing.takes.example} in {file}, or set {missing.variable}={missing.takes.spelt}"
    return Problem(origin.removeprefix(_VARIABLE), f"{present.name}: it means nothing without {missing.name}", write)
