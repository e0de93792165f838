"""The names of all secrets that tocsin may look for on this machine."""

from tocsin.shell.config.defaults import CHANNELS, secrets_of
from tocsin.shell.config.load import configuration


def secret_names() -> tuple[str, ...]:
    """The names, each once: those of the channels, the webhook's also where an app posts, and those that the configuration lists."""
    config = configuration()
    found = (name for channel in CHANNELS for name in secrets_of(config, channel))
    outbox = [] if config.delivery.outbox_secret is None else [config.delivery.outbox_secret]
    return tuple(dict.fromkeys((config.slack.webhook_secret, *found, *outbox, *config.secrets.names)))
