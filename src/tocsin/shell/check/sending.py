"""One real message by each notifier, on the way that all messages take; its filters alone are left out."""

import attrs

from tocsin.core.checkup.findings import Finding
from tocsin.core.checkup.remedies import Seen, finding
from tocsin.core.events import Started, Succeeded
from tocsin.core.machine import Run, Subject, step
from tocsin.core.messages.text import one_line
from tocsin.core.notifiers import Messenger, SlackNotifier
from tocsin.core.outcomes import Delivered, DeliveryError, Outcome
from tocsin.core.states import Success
from tocsin.shell.adapters import SystemClock
from tocsin.shell.config.defaults import PASSWORD
from tocsin.shell.deliver import deliver
from tocsin.shell.surroundings import facts, run_id


@attrs.frozen
class _CheckUp:
    """What the message is about."""

    name: str = "tocsin check"


def tested(notifier: Messenger, mail_host: str) -> Finding:
    """What became of one message by the interpreter in force; ``mail_host`` is where mail goes."""
    told = attrs.evolve(notifier, ignore_states=None, only_states=[Success], when=None)
    subject = Subject(_CheckUp(), (told,), run_id=run_id(), slug="tocsin check")
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
