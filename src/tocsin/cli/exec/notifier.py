"""Whom to tell of a command, of what, and by which means: the configuration, with the options over it.

Tells people how a command went: its attempts are a run, fed to ``step``, like everything else.

It is loaded once the command is under way, in a thread of its own. It decides nothing: what an end means is in ``core.commands``,
whether another attempt follows in ``core.plan``, whom to tell in the configuration and the options.
"""

import os
import re
import shlex
import sys
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import attrs

from tocsin.cli.exec.notifier_protocol import OpenRun
from tocsin.cli.exec.options import Options
from tocsin.core import events as e
from tocsin.core.config.schema import Configuration
from tocsin.core.endings import KILLED, STOPPED, Command, outcome
from tocsin.core.events import Detail, Event, Facts
from tocsin.core.filters.algebra import Filter
from tocsin.core.filters.policies import on_change
from tocsin.core.filters.predicates import entered, final_attempt
from tocsin.core.machine import Run, Subject, ends, moved
from tocsin.core.messages.text import last_lines, readable
from tocsin.core.notifiers import Messenger, Notifier
from tocsin.core.outcomes import Rejected
from tocsin.core.planning import RetryRules, Situation, plan
from tocsin.core.services.healthchecks import Pinger
from tocsin.core.states import KINDS, Finished, Retrying, Running, State
from tocsin.core.supervisor import Ended
from tocsin.core.transitions import IllegalTransition
from tocsin.shell import log, queues
from tocsin.shell.adapters import SystemClock, redaction
from tocsin.shell.adapters.healthchecks import Ping
from tocsin.shell.adapters.redaction import redact
from tocsin.shell.adapters.secrets import Secret
from tocsin.shell.announce import Announcer
from tocsin.shell.config.defaults import secret_names, secrets, usual_handlers, webhook
from tocsin.shell.config.load import configuration
from tocsin.shell.current import interpreting
from tocsin.shell.environment import NAME, facts, misspelt, override
from tocsin.shell.history import streaks
from tocsin.shell.history.run_locks import killed_runs
from tocsin.shell.interpreters.base import Interpreter, Notify
from tocsin.shell.interpreters.dry_run import DryRun, Silent
from tocsin.shell.interpreters.reliable import reliable

_TELLING = re.compile(r"SECRET|TOKEN|PASSW|CREDENTIAL|PRIVATE|API_?KEY|_KEY$|_DSN$|DATABASE_URL$", re.IGNORECASE)
_NAMING = re.compile(r"TOCSIN_\w+_SECRET$")  # of ours: what it holds is a name
_SHORTEST = 6  # characters; shorter values would garble a message, and protect little

_UNFOLLOWED = final_attempt | ~entered(Finished)
"""An attempt after which another is made is no news."""


def notify_mode(options: Options) -> Notify:
    """What becomes of notifications; what the environment asks of a live run comes first."""
    return override() or "live" if options.notify == "live" else options.notify


def chosen_interpreter(options: Options) -> Interpreter:
    """By which means they are told; what is only shown goes to standard error, since standard output is the command's."""
    here = notify_mode(options)
    if here == "live":
        return reliable()
    if here == "print":
        return Silent("there is no standard error to show it on") if sys.stderr is None else DryRun(sys.stderr)
    return Silent() if options.notify == "none" else _silenced()


def _silenced() -> Silent:
    """Nothing is sent, since the environment says so; one who misspelt it is told."""
    wrong = misspelt()
    if wrong is not None:
        log.once(f"{wrong}: nothing is sent")
    return Silent(f"{NAME} says so")


def command_handlers(options: Options, config: Configuration) -> tuple[Notifier, ...]:
    """The handlers of a run: the notifiers of the configuration, and the dead-man service."""
    usual = usual_handlers(config, notify_mode(options))
    ping = None if options.ping is None else _pinger(options.ping, config)
    return (*(_narrowed(notifier, options) for notifier in usual), *([] if ping is None else [ping]))


def know_secrets(config: Configuration) -> None:
    """Have all secrets known that we can find, and what the environment holds under the name of one, so that none is shown."""
    for name in secret_names():
        secrets(config).find(name)
    for name, value in os.environ.items():
        if _TELLING.search(name) and len(value) >= _SHORTEST and not name.endswith("_FILE") and not _NAMING.match(name):
            redaction.remember(name, value)


def _narrowed(notifier: Messenger, options: Options) -> Messenger:
    only, ignore = _kinds(options.only), _kinds(options.ignore)
    told: Filter = _UNFOLLOWED & notifier.when
    if options.on_change or options.after is not None:
        told = told & on_change(options.after or 1, options.every)
    return attrs.evolve(
        notifier,
        only_states=only or notifier.only_states,
        ignore_states=ignore or notifier.ignore_states,
        when=told,
    )


def _kinds(names: tuple[str, ...]) -> list[type[State]]:
    return [kind for kind in KINDS if kind.__name__ in names]


def _pinger(given: str, config: Configuration) -> Pinger | None:
    url = Secret("--ping", given) if "://" in given else secrets(config).find(given)
    if isinstance(url, Rejected):
        known = "" if url.secret == given else ": write --ping https://..., or the name of a secret"  # it may hold the token itself
        log.once(f"the dead-man service is not told: {url.reason}{known}")
        return None
    return Pinger(Ping(url, webhook(config)))


class CommandNotifier:
    """Tells of one run of a command; see ``telling_protocol``."""

    def __init__(self, options: Options, run: OpenRun) -> None:
        config = configuration()
        know_secrets(config)
        self._options = options
        self._announcer = Announcer(SystemClock(), facts())
        self._rules = RetryRules(max_retries=options.retries, retry_delay=timedelta(seconds=options.retry_delay))
        self._stack = ExitStack()
        self._stack.enter_context(interpreting(chosen_interpreter(options)))
        handlers = command_handlers(options, config)
        self._manner = notify_mode(options)
        self._counts = self._manner == "live" and any(isinstance(handler, Messenger) for handler in handlers)
        self._began = run.started
        label = redact(options.label)
        self._run = Run(Subject(Command(label), handlers, run.run_id, label, attempts=options.retries + 1))
        self._tell_lost()

    def started(self) -> None:
        """Tell that an attempt has begun."""
        at = _moment(self._began) if self._run.started_at is None else self._announcer.clock.now()
        self._run = self._announcer.feed(self._run, e.Started(at, None, facts=self._announcer.facts))

    def ended(self, ended: Ended) -> float | None:
        """Tell that it has ended: the seconds until the next attempt, or None where none follows."""
        fault = None if ended.fault is None else redact(ended.fault)
        event = outcome(attrs.evolve(ended, fault=fault), _moment(ended.ended), self._run.attempt, self._known(ended))
        self._run = self._over(self._run, event, self._began, ended.status)
        now = self._announcer.clock.now()
        follows = plan(self._run, Situation(now, rules=self._rules, facts=self._announcer.facts))
        if isinstance(follows, e.RetryDue):
            self._run = self._announcer.feed(self._run, follows)
            return 0.0 if follows.start is None else (follows.start - now).total_seconds()
        return None

    def close(self) -> None:
        """Nothing more will be told, but of a run that was stopped while it waited for its next attempt."""
        if isinstance(self._run.state, Retrying):
            now = self._announcer.clock.now()
            stopped = e.Interrupted(now, message=STOPPED, facts=self._announcer.facts)
            self._run = self._over(self._run, stopped, self._began, None)
        self._stack.close()
        queues.finish()

    def _over(self, run: Run, event: Event, began: float, status: int | None) -> Run:
        """The run after an attempt, or after all of it.

        An end is written down before it is told, since telling may take long: others that end meanwhile, and the next start, are to
        know of it. One that somebody should have heard of, and nobody could, does not count: the next one is told in its place.
        """
        after = moved(run, event)
        if isinstance(after, IllegalTransition) or not ends(run, after):
            return self._announcer.feed(run, event)
        past = streaks.write_down(after, began, event.at.timestamp(), status, counts=self._counts)

        def take_back() -> None:
            streaks.retract(run.subject.slug, failed=after.state.is_failed(), before=past)

        known = attrs.evolve(run, subject=attrs.evolve(run.subject, past=past))
        return self._announcer.feed(known, event, take_back if self._counts else None)

    def _known(self, ended: Ended) -> Facts:
        """The facts of the end, with what was asked for of the command and its output; redacted before anything is cut."""
        details: list[Detail] = []
        if self._options.show_command:
            details.append(Detail("Command", redact(shlex.join(self._options.command)), quoted=True))
        if self._options.tail and (said := last_lines(redact(readable(ended.tail)), self._options.tail)):
            details.append(Detail("Last lines", said, quoted=True))
        return attrs.evolve(self._announcer.facts, details=tuple(details))

    def _tell_lost(self) -> None:
        """Tell of the runs of this label that nobody saw the end of: each once, but where it is only shown."""
        shown = self._manner == "print"
        found = killed_runs(self._options.label) if self._manner != "none" else ()
        for lost in (each for each in found if shown or each.claim()):
            subject = attrs.evolve(self._run.subject, run_id=lost.run_id)
            details = (Detail("Started", _moment(lost.started).strftime("%Y-%m-%d %H:%M:%S %z")),)
            known = attrs.evolve(self._announcer.facts, details=details)
            event = e.Interrupted(self._announcer.clock.now(), message=KILLED, facts=known)
            run = Run(subject, Running(), ordinal=1)
            if shown:
                self._announcer.feed(run, event)
            else:
                self._over(run, event, lost.started, None)


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
