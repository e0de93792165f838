"""One real message by each notifier, on the way that all messages take; its filters alone are left out.

A whole check-up: what is found without a connection, and what more with one.
"""

from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path

import attrs

from tocsin.core.config.schema import Configuration
from tocsin.core.diagnosis import Finding, Seen, finding, of_problems, unset
from tocsin.core.events import Started, Succeeded
from tocsin.core.machine import Run, Subject, step
from tocsin.core.messages.text import one_line
from tocsin.core.notifiers import Messenger, SlackNotifier
from tocsin.core.outcomes import Delivered, DeliveryError, Outcome, Rejected
from tocsin.core.states import Success
from tocsin.shell.adapters import SystemClock
from tocsin.shell.adapters.redaction import contained
from tocsin.shell.adapters.secrets import Secret
from tocsin.shell.announce import deliver
from tocsin.shell.check.secrets import check_secrets, inspect_secret
from tocsin.shell.config.defaults import (
    CHANNELS,
    PASSWORD,
    USERNAME,
    Channel,
    channels,
    default_handlers,
    live,
    mailer,
    secrets,
    secrets_of,
    webhook,
)
from tocsin.shell.config.load import Place, loaded
from tocsin.shell.current import interpreting
from tocsin.shell.environment import NAME, facts, misspelt, override, run_id


@attrs.frozen
class _TestSubject:
    """What the message is about."""

    name: str = "tocsin check"


def send_test_message(notifier: Messenger, mail_host: str) -> Finding:
    """What became of one message by the interpreter in force; ``mail_host`` is where mail goes."""
    told = attrs.evolve(notifier, ignore_states=None, only_states=[Success], when=None)
    subject = Subject(_TestSubject(), (told,), run_id=run_id(), slug="tocsin check")
    now, known = SystemClock().now(), facts()
    running = step(Run(subject), Started(now, facts=known)).unwrap().run
    (effect,) = step(running, Succeeded(now, facts=known, message="This is a test: messages arrive.")).unwrap().effects
    return _meaning(notifier, deliver(effect), mail_host)


def _meaning(notifier: Messenger, outcome: Outcome, mail_host: str) -> Finding:
    about = f"test message by {'Slack' if isinstance(notifier, SlackNotifier) else 'mail'}"
    match outcome:
        case Delivered(refused=()):
            return Finding(about, "accepted: look whether you see it")
        case Delivered(refused=refused):
            return Finding(about, one_line(f"refused for {', '.join(refused)}"), "correct the addresses in gmail.to and gmail.cc")
        case _ if isinstance(outcome, DeliveryError):
            host, secret = _way(notifier, mail_host)
            return attrs.evolve(finding(Seen(outcome, host, secret, now=SystemClock().now())), about=about)
        case _:
            return Finding(about, f"not sent: {outcome}", "unset TOCSIN_NOTIFY")


def _way(notifier: Messenger, mail_host: str) -> tuple[str, str]:
    """The host that the message goes to, and the secret that it goes by."""
    if not isinstance(notifier, SlackNotifier):
        return mail_host, PASSWORD
    return ("hooks.slack.com", notifier.webhook_secret) if notifier.token_secret is None else ("slack.com", notifier.token_secret)


_ADDRESS = "set it to the account's address"
_LOGIN = "set it to an app password of the account, or to the JSON that Google gives for it"


@attrs.frozen
class Diagnosis:
    """What there is: the configuration, its files, where messages go and by which notifiers, and what was found so far."""

    config: Configuration
    places: tuple[Place, ...]
    notifiers: Mapping[Channel, Messenger]
    findings: tuple[Finding, ...]


def diagnose_offline(environ: Mapping[str, str], cwd: Path | None) -> Diagnosis:
    """The check-up without a connection."""
    found = loaded(environ, cwd)
    config = found.configuration
    leading = channels(config)
    pairs = zip(leading, default_handlers(config), strict=True)
    notifiers: dict[Channel, Messenger] = dict(pairs)
    findings = (*of_problems(found.faults), *_quiet(), *_offline(config, leading))
    return Diagnosis(config, found.places, notifiers, findings)


def _quiet() -> tuple[Finding, ...]:
    """Whether the environment that this process was given keeps every message from going out."""
    said = override()
    if said is None:
        return ()
    why = "it is none of live, print, none" if misspelt() else f"it says {said}"
    return (Finding(NAME, f"nothing is sent: {why}", "unset it where messages are to go out"),)


def _offline(config: Configuration, leading: tuple[Channel, ...]) -> tuple[Finding, ...]:
    used = _used(config, leading)
    needed = {name for channel in used for name in secrets_of(config, channel)}
    known = (*(name for channel in CHANNELS for name in secrets_of(config, channel)), *config.secrets.names)
    listed = tuple(inspect_secret(config, name, needed=name in needed) for name in dict.fromkeys(known))
    unsound = tuple(fault for fault in (check_secrets(config, channel) for channel in used) if fault is not None)
    return (*listed, *unsound, *_half(config, used), *(() if leading else (_nobody(config),)))


def _used(config: Configuration, leading: Iterable[Channel]) -> tuple[Channel, ...]:
    """All channels that messages may go by: those that they are for, and the one that they go by where their own fails."""
    return tuple(channel for channel in CHANNELS if channel in {*leading, config.delivery.fallback})


def _half(config: Configuration, used: tuple[Channel, ...]) -> tuple[Finding, ...]:
    """Whether mail is set up by half, so that nobody gets any."""
    if "gmail" in used or config.notifiers is not None:
        return ()
    missing = [name for name in (USERNAME, PASSWORD) if isinstance(secrets(config).find(name), Rejected)]
    if len(missing) != 1:
        return ()
    remedy = _ADDRESS if missing == [USERNAME] else _LOGIN
    return (Finding(missing[0], "no mail is sent without it, and the other half is set", remedy),)


def _nobody(config: Configuration) -> Finding:
    if config.notifiers is not None:
        return Finding("notifiers", f"nobody will be told: the list is empty ({config.origins['notifiers']})", "name slack, or gmail")
    (name,) = secrets_of(config, "slack")
    return Finding("notifiers", "nobody will be told", unset(name, token=config.slack.token_secret is not None))


def diagnose_connections(checkup: Diagnosis) -> tuple[Finding, ...]:
    """All ways that messages may go, without a message."""
    used = _used(checkup.config, checkup.notifiers)
    return tuple(finding for channel in used for finding in contained(partial(_probed, checkup.config, channel)))


def _probed(config: Configuration, channel: Channel) -> tuple[Finding, ...]:
    """The way of one channel; where its secrets will not do, that was said already."""
    known = secrets(config)
    if check_secrets(config, channel) is not None:
        return ()
    if channel == "slack":
        (name,) = secrets_of(config, channel)
        found = known.find(name)
        return () if isinstance(found, Rejected) else _probed_slack(config, found)
    username, password = known.find(USERNAME), known.find(PASSWORD)
    if isinstance(username, Rejected) or isinstance(password, Rejected):
        return ()
    from tocsin.shell.adapters.mail_smtp import Credentials
    from tocsin.shell.check import connections

    return (connections.probe_gmail(mailer(config), Credentials(username, password)),)


def _probed_slack(config: Configuration, secret: Secret) -> tuple[Finding, ...]:
    """The way to Slack of an app, whose token the secret is, or of a webhook."""
    if config.slack.token_secret is None:
        from tocsin.shell.check import connections

        return connections.probe_webhook(webhook(config), secret)
    from tocsin.shell.check import connections

    return connections.probe_app(webhook(config), secret)


def send_test_messages(checkup: Diagnosis) -> tuple[Finding, ...]:
    """What became of a message by each notifier."""

    with interpreting(live(checkup.config)) as interpreter:
        found = tuple(send_test_message(notifier, checkup.config.gmail.host) for notifier in checkup.notifiers.values())
    interpreter.slack.close()
    interpreter.mail.close()
    return found
