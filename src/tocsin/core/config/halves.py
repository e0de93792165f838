"""Settings that mean something only together: where one is missing, the other is left out, with a fault.

They may stand in two places, a project's file and the user's, so it is the whole that is looked at, once it is one.
"""

import attrs

from tocsin.core.config.configuration import DEFAULT, Configuration
from tocsin.core.config.faults import Fault
from tocsin.core.config.keys import SLACK_CHANNEL, SLACK_TOKEN_SECRET, Key

_VARIABLE = "environment variable "


def without_halves(config: Configuration) -> tuple[Configuration, tuple[Fault, ...]]:
    """The configuration without what is there by half, and what is wrong with that.

    >>> from tocsin.core.config.layers import given
    >>> from tocsin.core.config.merge import merge
    >>> _, faults = without_halves(merge(given({"slack.channel": "#ops"}, "tocsin.toml:3")))
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


def _fault(origin: str, there: Key[str | None], missing: Key[str | None]) -> Fault:
    file = "a tocsin.toml" if missing.shared else "your own tocsin.toml"
    write = f"write {missing.name} = {missing.takes.example} in {file}, or set {missing.variable}={missing.takes.spelt}"
    return Fault(origin.removeprefix(_VARIABLE), f"{there.name}: it means nothing without {missing.name}", write)
