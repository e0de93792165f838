"""What a configuration means: who is told where nobody is named, and how messages are sent.

Who is told where a program names nobody.

The names of all secrets that tocsin may look for on this machine.
"""

import os
from typing import Literal

import attrs

from tocsin.core.config.schema import Configuration
from tocsin.core.delivery.rate_limit import Rate
from tocsin.core.delivery.retry import RetryPolicy
from tocsin.core.notifiers import GmailNotifier, Messenger, SlackNotifier
from tocsin.core.outcomes import Rejected
from tocsin.shell.adapters import Gmail, Secrets, SlackWebhook, settings
from tocsin.shell.adapters.secrets import Secret
from tocsin.shell.config.load import configuration
from tocsin.shell.interpreters.base import Interpreter, Notify
from tocsin.shell.interpreters.live import Live
from tocsin.shell.interpreters.rendered import ByMail, BySlack
from tocsin.shell.log import once

USERNAME, PASSWORD = "EMAIL_USERNAME", "EMAIL_PASSWORD"

Channel = Literal["slack", "gmail"]
CHANNELS: tuple[Channel, ...] = ("slack", "gmail")


@attrs.frozen(kw_only=True)
class _Webhook(SlackWebhook):
    """One whose bundle is looked at when a message is sent: a bad one is why the message fails, and stops nobody before that."""

    ca_bundle: str | None = attrs.field(default=None, converter=settings.path)


@attrs.frozen(kw_only=True)
class _Mailer(Gmail):
    """Likewise."""

    ca_bundle: str | None = attrs.field(default=None, converter=settings.path)


def default_handlers(config: Configuration) -> tuple[Messenger, ...]:
    """The notifiers of who is to be told: those configured, else those whose secrets are there to be found; perhaps none."""
    return tuple(_notifier(config, channel) for channel in channels(config))


def channels(config: Configuration) -> tuple[Channel, ...]:
    """Where messages go."""
    if config.notifiers is not None:
        return tuple(channel for channel in CHANNELS if channel in config.notifiers)
    return tuple(channel for channel in CHANNELS if all(_is_set(config, name) for name in secrets_of(config, channel)))


def secrets_of(config: Configuration, channel: Channel) -> tuple[str, ...]:
    """The names of the secrets that are needed to send there."""
    if channel == "gmail":
        return USERNAME, PASSWORD
    return (config.slack.token_secret or config.slack.webhook_secret,)


def no_recipients_message(config: Configuration) -> str:
    """What to say where there is no handler, in one line."""
    if config.notifiers == ():
        return f"nobody will be told: notifiers is empty ({config.origins['notifiers']})"
    (name,) = secrets_of(config, "slack")
    found = secrets(config).find(name)
    why = f" ({found.reason})" if isinstance(found, Rejected) and "is not set" not in found.reason else ""
    return f"nobody will be told: set {name}; pip install 'tocsin[cli]' && tocsin check says more{why}"


def secrets(config: Configuration) -> Secrets:
    """Where secrets are looked for."""
    return Secrets(keyring=config.secrets.keyring)


def live(config: Configuration) -> Live:
    """The interpreter that sends as configured. Raises nothing; a bundle that is bad is refused when a message is sent."""
    return Live(secrets(config), webhook(config), mailer(config))


def fallback(config: Configuration, sends: Interpreter, channel: Channel | None = None) -> Interpreter | None:
    """What tells people where ``sends`` cannot: the channel, or that of the configuration, if it names one, by the same means."""
    match channel or config.delivery.fallback:
        case "gmail":
            return ByMail(sends, to=config.gmail.to or None, cc=config.gmail.cc)
        case "slack":
            slack = config.slack
            return BySlack(sends, webhook_secret=slack.webhook_secret, token_secret=slack.token_secret, channel=slack.channel)
        case _:
            return None


def outbox_url(config: Configuration) -> str | Rejected | None:
    """The URL of the outbox's database; None: the file in the state folder. Why there is none, where its secret is not found."""
    name = config.delivery.outbox_secret
    url = None if name is None else secrets(config).find(name)
    return url.reveal() if isinstance(url, Secret) else url


def policy(config: Configuration) -> RetryPolicy:
    """How often a message is tried, and for how long: never for less than one try may take."""
    longest = max(config.delivery.retry_for, config.slack.deadline, config.gmail.deadline)
    return RetryPolicy(attempts=config.delivery.attempts, deadline=longest)


def mails(config: Configuration) -> Rate:
    """How fast mails may go, so that no day sees more than it may: a fifth of them at once, the others evenly."""
    burst = max(config.gmail.daily // 5, 1)
    return Rate(max(config.gmail.daily - burst, 1), 86_400.0, burst)


def webhook(config: Configuration) -> SlackWebhook:
    """How Slack is reached."""
    slack = config.slack
    return (SlackWebhook if slack.ca_bundle is None else _Webhook)(
        allowed_hosts=slack.allowed_hosts,
        ca_bundle=_expanded(slack.ca_bundle),
        connect_timeout=slack.connect_timeout,
        read_timeout=slack.read_timeout,
        deadline=slack.deadline,
        proxies=slack.proxies,
    )


def mailer(config: Configuration) -> Gmail:
    """How Gmail is reached."""
    gmail = config.gmail
    return (Gmail if gmail.ca_bundle is None else _Mailer)(
        host=gmail.host,
        port=gmail.port,
        ca_bundle=_expanded(gmail.ca_bundle),
        connect_timeout=gmail.connect_timeout,
        read_timeout=gmail.read_timeout,
        deadline=gmail.deadline,
    )


def _notifier(config: Configuration, channel: Channel) -> Messenger:
    own = config.slack if channel == "slack" else config.gmail
    only = config.only if own.only is None else own.only
    ignore = config.ignore if own.ignore is None else own.ignore
    if channel == "slack":
        return SlackNotifier(
            ignore_states=ignore,
            only_states=only,
            title_link=config.slack.title_link,
            traceback=config.traceback,
            webhook_secret=config.slack.webhook_secret,
            token_secret=config.slack.token_secret,
            channel=config.slack.channel,
        )
    to = config.gmail.to or None
    return GmailNotifier(ignore_states=ignore, only_states=only, traceback=config.traceback, to=to, cc=config.gmail.cc)


def _is_set(config: Configuration, name: str) -> bool:
    """Whether somebody set the secret. One that the environment sets wrongly counts: that it cannot be read is to be heard of."""
    return not isinstance(secrets(config).find(name), Rejected) or any(os.environ.get(each) for each in (name, f"{name}_FILE"))


def _expanded(path: str | None) -> str | None:
    return None if path is None else os.path.expanduser(path)  # noqa: PTH111 - which raises nothing where there is no home


def usual_handlers(config: Configuration, manner: Notify) -> tuple[Messenger, ...]:
    """The handlers of the configuration; where it leads nowhere, Slack is what a dry run shows, and a live run complains, once.

    ``manner`` is what becomes of notifications here and now.
    """
    handlers = default_handlers(config)
    if handlers or config.notifiers == ():
        return handlers
    if manner == "live":
        once(no_recipients_message(config))
        return ()
    return default_handlers(attrs.evolve(config, notifiers=("slack",)))


def secret_names() -> tuple[str, ...]:
    """The names, each once: those of the channels, the webhook's also where an app posts, and those that the configuration lists."""
    config = configuration()
    found = (name for channel in CHANNELS for name in secrets_of(config, channel))
    outbox = [] if config.delivery.outbox_secret is None else [config.delivery.outbox_secret]
    return tuple(dict.fromkeys((config.slack.webhook_secret, *found, *outbox, *config.secrets.names)))
