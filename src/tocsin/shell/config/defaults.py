"""Builds from a configuration: the default notifiers, the interpreter, delivery policies, and the names of all secrets."""

import os
from typing import Literal

import attrs

from tocsin.core.config.schema import PASSWORD, USERNAME, Configuration
from tocsin.core.delivery.rate_limit import Rate
from tocsin.core.delivery.retry import RetryPolicy
from tocsin.core.notifiers import GmailNotifier, Messenger, SlackNotifier
from tocsin.core.outcomes import Rejected
from tocsin.shell.adapters.mail_gmail import Gmail
from tocsin.shell.adapters.secrets import Secrets
from tocsin.shell.adapters.settings import CheckedOnUse
from tocsin.shell.adapters.slack_webhook import SlackWebhook
from tocsin.shell.environment import Notify
from tocsin.shell.interpreter import Interpreter
from tocsin.shell.interpreters.live import Live
from tocsin.shell.interpreters.rendered import ByMail, BySlack
from tocsin.shell.log import once

Channel = Literal["slack", "gmail"]
CHANNELS: tuple[Channel, ...] = ("slack", "gmail")


def default_handlers(config: Configuration) -> tuple[Messenger, ...]:
    """Return the configured notifiers, else those whose secrets are set. The result may be empty."""
    return tuple(notifier(config, channel) for channel in channels(config))


def usual_handlers(config: Configuration, mode: Notify) -> tuple[Messenger, ...]:
    """Return the default handlers for a program that names none. ``mode`` is the current mode of notification.

    Without a configured channel, a live run warns once and gets no handlers, and a dry run gets Slack to show its messages.
    """
    handlers = default_handlers(config)
    if handlers or config.notifiers == ():
        return handlers
    if mode == "live":
        once(no_recipients_message(config))
        return ()
    return default_handlers(attrs.evolve(config, notifiers=("slack",)))


def channels(config: Configuration) -> tuple[Channel, ...]:
    """Return the configured channels, else those whose secrets are set."""
    if config.notifiers is not None:
        return tuple(channel for channel in CHANNELS if channel in config.notifiers)
    return tuple(channel for channel in CHANNELS if all(_is_set(config, name) for name in secrets_of(config, channel)))


def secrets_of(config: Configuration, channel: Channel) -> tuple[str, ...]:
    """Return the names of the secrets that a channel needs."""
    if channel == "gmail":
        return USERNAME, PASSWORD
    return (config.slack.token_secret or config.slack.webhook_secret,)


def no_recipients_message(config: Configuration) -> str:
    """Return the one-line warning for a configuration without handlers."""
    if config.notifiers == ():
        return f"no message will be sent: notifiers is empty ({config.origins['notifiers']})"
    (name,) = secrets_of(config, "slack")
    found = secrets(config).find(name)
    why = f" ({found.reason})" if isinstance(found, Rejected) and "is not set" not in found.reason else ""
    return f"no message will be sent: set {name}; pip install 'tocsin[cli]' && tocsin check says more{why}"


def secrets(config: Configuration) -> Secrets:
    """Return the configured sources of secrets."""
    return Secrets(keyring=config.secrets.keyring)


def live(config: Configuration) -> Live:
    """Return the interpreter that sends as configured. Raises nothing: a bad CA bundle fails the message when it is sent."""
    return Live(secrets(config), webhook(config), mailer(config))


def fallback(config: Configuration, sends: Interpreter, channel: Channel | None = None) -> Interpreter | None:
    """Return the fallback for ``sends``: it sends by ``channel``, or by the configured fallback channel, through ``sends`` itself.

    Return None if neither is given.
    """
    match channel or config.delivery.fallback:
        case "gmail":
            return ByMail(sends, to=config.gmail.to or None, cc=config.gmail.cc)
        case "slack":
            slack = config.slack
            return BySlack(sends, webhook_secret=slack.webhook_secret, token_secret=slack.token_secret, channel=slack.channel)
        case _:
            return None


def policy(config: Configuration) -> RetryPolicy:
    """Return the retry policy. Its deadline is at least the time that one attempt may take."""
    longest = max(config.delivery.retry_for, config.slack.deadline, config.gmail.deadline)
    return RetryPolicy(attempts=config.delivery.attempts, deadline=longest)


def mails(config: Configuration) -> Rate:
    """Return the rate limit of mails, which keeps the daily limit: a fifth of it as a burst, the rest spread evenly over the day."""
    burst = max(config.gmail.daily // 5, 1)
    return Rate(max(config.gmail.daily - burst, 1), 86_400.0, burst)


def webhook(config: Configuration) -> SlackWebhook:
    """Return the Slack adapter as configured."""
    slack = config.slack
    return SlackWebhook(
        allowed_hosts=slack.allowed_hosts,
        ca_bundle=_bundle(slack.ca_bundle),
        connect_timeout=slack.connect_timeout,
        read_timeout=slack.read_timeout,
        deadline=slack.deadline,
        proxies=slack.proxies,
    )


def mailer(config: Configuration) -> Gmail:
    """Return the Gmail adapter as configured."""
    gmail = config.gmail
    return Gmail(
        host=gmail.host,
        port=gmail.port,
        ca_bundle=_bundle(gmail.ca_bundle),
        connect_timeout=gmail.connect_timeout,
        read_timeout=gmail.read_timeout,
        deadline=gmail.deadline,
    )


def notifier(config: Configuration, channel: Channel) -> Messenger:
    """Return the notifier of a channel, as configured."""
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
            mention=config.slack.mention,
            mention_states=config.slack.mention_states,
        )
    to = config.gmail.to or None
    return GmailNotifier(ignore_states=ignore, only_states=only, traceback=config.traceback, to=to, cc=config.gmail.cc)


def _is_set(config: Configuration, name: str) -> bool:
    """Return whether the secret is set. An unreadable one in the environment counts as set, so that its error is reported."""
    return not isinstance(secrets(config).find(name), Rejected) or any(os.environ.get(each) for each in (name, f"{name}_FILE"))


def _bundle(path: str | None) -> str | None:
    return None if path is None else CheckedOnUse(os.path.expanduser(path))  # noqa: PTH111 - it does not raise if there is no home folder
