"""The check-up behind ``tocsin check``: findings without a connection to a service, probes of connections, and test messages.

A test message is a real message by each notifier, on the usual route; only the notifier's filters are left out.
"""

from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path

import attrs

from tocsin.core.config.schema import PASSWORD, USERNAME, Configuration
from tocsin.core.diagnosis import Finding, Seen, finding, of_problems, unset
from tocsin.core.events import Started, Succeeded
from tocsin.core.machine import Run, Subject, step
from tocsin.core.notifiers import Messenger, SlackNotifier
from tocsin.core.outcomes import Delivered, DeliveryError, Outcome, Rejected
from tocsin.core.states import Success
from tocsin.core.text import one_line
from tocsin.shell import log
from tocsin.shell.adapters import SystemClock
from tocsin.shell.adapters.secrets import Secret
from tocsin.shell.announce import facts
from tocsin.shell.check.history import check_history
from tocsin.shell.check.outbox import check_outbox
from tocsin.shell.check.secrets import check_secrets, inspect_secret
from tocsin.shell.config.defaults import (
    CHANNELS,
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
from tocsin.shell.environment import NAME, misspelt, override, run_id
from tocsin.shell.interpreter import Interpreter, execute
from tocsin.shell.redaction import contained

_ADDRESS = "set it to the account's address"
_LOGIN = "set it to an app password of the account, or to the JSON that Google gives for it"


@attrs.frozen
class Diagnosis:
    """The configuration, its files, the notifiers by channel, and the findings so far."""

    config: Configuration
    places: tuple[Place, ...]
    notifiers: Mapping[Channel, Messenger]
    findings: tuple[Finding, ...]


def diagnose_offline(environ: Mapping[str, str], cwd: Path | None) -> Diagnosis:
    """Check what can be checked without a connection to Slack or Gmail. The database of an outbox is connected to."""
    found = loaded(environ, cwd)
    config = found.configuration
    primary = channels(config)
    pairs = zip(primary, default_handlers(config), strict=True)
    notifiers: dict[Channel, Messenger] = dict(pairs)
    findings = (
        *of_problems(found.problems),
        *_override_findings(),
        *_config_findings(config, primary),
        *contained(partial(check_outbox, config)),
        *contained(partial(check_history, notifiers.values())),
    )
    return Diagnosis(config, found.places, notifiers, findings)


def diagnose_connections(checkup: Diagnosis) -> tuple[Finding, ...]:
    """Probe the connections of all channels in use, without sending a message."""
    used = _channels_in_use(checkup.config, checkup.notifiers)
    return tuple(finding for channel in used for finding in contained(partial(_probe, checkup.config, channel)))


def send_test_messages(checkup: Diagnosis) -> tuple[Finding, ...]:
    """Send a test message by each notifier, and return the outcomes."""
    interpreter, host = live(checkup.config), checkup.config.gmail.host
    found = tuple(send_test_message(interpreter, notifier, host) for notifier in checkup.notifiers.values())
    interpreter.slack.close()
    interpreter.mail.close()
    return found


def _override_findings() -> tuple[Finding, ...]:
    """Return a finding if the environment of this process keeps messages from being sent."""
    value = override()
    if value is None:
        return ()
    why = "it is none of live, print, none" if misspelt() else f"it says {value}"
    return (Finding(NAME, f"nothing is sent: {why}", "unset it where messages are to go out"),)


def _config_findings(config: Configuration, primary: tuple[Channel, ...]) -> tuple[Finding, ...]:
    used = _channels_in_use(config, primary)
    outbox = config.delivery.outbox_secret if config.delivery.outbox else None
    of_outbox = () if outbox is None else (outbox,)
    needed = {*(name for channel in used for name in secrets_of(config, channel)), *of_outbox}
    known = (*(name for channel in CHANNELS for name in secrets_of(config, channel)), *of_outbox, *config.secrets.names)
    secrets_found = tuple(inspect_secret(config, name, needed=name in needed) for name in dict.fromkeys(known))
    malformed = tuple(fault for fault in (check_secrets(config, channel) for channel in used) if fault is not None)
    return (*secrets_found, *malformed, *_mail_half_set(config, used), *(() if primary else (_no_recipients(config),)))


def _channels_in_use(config: Configuration, primary: Iterable[Channel]) -> tuple[Channel, ...]:
    """Return the channels that may carry a message: the primary ones and the fallback."""
    return tuple(channel for channel in CHANNELS if channel in {*primary, config.delivery.fallback})


def _mail_half_set(config: Configuration, used: tuple[Channel, ...]) -> tuple[Finding, ...]:
    """Return a finding if only one of the two mail secrets is set, so that no mail is sent."""
    if "gmail" in used or config.notifiers is not None:
        return ()
    missing = [name for name in (USERNAME, PASSWORD) if isinstance(secrets(config).find(name), Rejected)]
    if len(missing) != 1:
        return ()
    remedy = _ADDRESS if missing == [USERNAME] else _LOGIN
    return (Finding(missing[0], "no mail is sent without it, and the other half is set", remedy),)


def _no_recipients(config: Configuration) -> Finding:
    if config.notifiers is not None:
        what = f"no message will be sent: the list is empty ({config.origins['notifiers']})"
        return Finding("notifiers", what, "name slack, or gmail")
    (name,) = secrets_of(config, "slack")
    return Finding("notifiers", "no message will be sent", unset(name, token=config.slack.token_secret is not None))


def _probe(config: Configuration, channel: Channel) -> tuple[Finding, ...]:
    """Probe the connection of one channel. Return nothing if its secrets are unusable: ``diagnose_offline`` reports that."""
    known = secrets(config)
    if check_secrets(config, channel) is not None:
        return ()
    if channel == "slack":
        (name,) = secrets_of(config, channel)
        found = known.find(name)
        return () if isinstance(found, Rejected) else _probe_slack(config, found)
    username, password = known.find(USERNAME), known.find(PASSWORD)
    if isinstance(username, Rejected) or isinstance(password, Rejected):
        return ()
    from tocsin.shell.adapters.mail_smtp import Credentials
    from tocsin.shell.check import connections

    return (connections.probe_gmail(mailer(config), Credentials(username, password)),)


def _probe_slack(config: Configuration, secret: Secret) -> tuple[Finding, ...]:
    """Probe the connection to Slack; ``secret`` is the token of the app, or the URL of the webhook."""
    from tocsin.shell.check import connections

    probe = connections.probe_webhook if config.slack.token_secret is None else connections.probe_app
    return probe(webhook(config), secret)


@attrs.frozen
class _TestSubject:
    """The tracked object of a test message."""

    name: str = "tocsin check"


def send_test_message(interpreter: Interpreter, notifier: Messenger, mail_host: str) -> Finding:
    """Send one test message, and return the outcome; ``mail_host`` is the SMTP server."""
    unfiltered = attrs.evolve(notifier, ignore_states=None, only_states=[Success], when=None)
    subject = Subject(_TestSubject(), (unfiltered,), run_id=run_id(), slug="tocsin check", shows_run_id=False)
    now, known = SystemClock().now(), facts()
    running = step(Run(subject), Started(now, facts=known)).unwrap().run
    (effect,) = step(running, Succeeded(now, facts=known, message="This is a test: messages arrive.")).unwrap().effects
    outcome = execute(interpreter, effect)
    log.complain(effect, outcome)
    return _test_finding(notifier, outcome, mail_host)


def _test_finding(notifier: Messenger, outcome: Outcome, mail_host: str) -> Finding:
    about = f"test message by {'Slack' if isinstance(notifier, SlackNotifier) else 'mail'}"
    match outcome:
        case Delivered(refused=()):
            return Finding(about, "accepted: look whether you see it")
        case Delivered(refused=refused):
            return Finding(about, one_line(f"refused for {', '.join(refused)}"), "correct the addresses in gmail.to and gmail.cc")
        case _ if isinstance(outcome, DeliveryError):
            host, secret = _destination(notifier, mail_host)
            return attrs.evolve(finding(Seen(outcome, host, secret, now=SystemClock().now())), about=about)
        case _:
            return Finding(about, f"not sent: {outcome}", "unset TOCSIN_NOTIFY")


def _destination(notifier: Messenger, mail_host: str) -> tuple[str, str]:
    """Return the host of the notifier, and the name of the secret used there."""
    if not isinstance(notifier, SlackNotifier):
        return mail_host, PASSWORD
    return ("hooks.slack.com", notifier.webhook_secret) if notifier.token_secret is None else ("slack.com", notifier.token_secret)
