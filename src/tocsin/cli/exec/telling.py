"""Tells people how a command went: its attempts are a run, fed to ``step``, like everything else.

It is loaded once the command is under way, in a thread of its own. It decides nothing: what an end means is in ``core.commands``,
whether another attempt follows in ``core.plan``, whom to tell in the configuration and the options.
"""

import shlex
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import attrs

from tocsin.cli.exec import whom
from tocsin.cli.exec.options import Options
from tocsin.cli.exec.telling_protocol import OpenRun
from tocsin.core import events as e
from tocsin.core.commands import KILLED, STOPPED, Command, outcome
from tocsin.core.events import Detail, Event, Facts
from tocsin.core.machine import Run, Subject, ends, moved
from tocsin.core.messages.output import last_lines, readable
from tocsin.core.notifiers import Messenger
from tocsin.core.plan import Rules, Situation, plan
from tocsin.core.states import Retrying, Running
from tocsin.core.supervision import Ended
from tocsin.core.transitions import IllegalTransition
from tocsin.shell import outgoing
from tocsin.shell.adapters import SystemClock
from tocsin.shell.adapters.redaction import redact
from tocsin.shell.ambient import interpreting
from tocsin.shell.announcer import Announcer
from tocsin.shell.config.load import configuration
from tocsin.shell.journal import memory
from tocsin.shell.journal.tokens import left
from tocsin.shell.surroundings import facts


class Telling:
    """Tells of one run of a command; see ``telling_protocol``."""

    def __init__(self, options: Options, run: OpenRun) -> None:
        config = configuration()
        whom.know_secrets(config)
        self._options = options
        self._announcer = Announcer(SystemClock(), facts())
        self._rules = Rules(max_retries=options.retries, retry_delay=timedelta(seconds=options.retry_delay))
        self._stack = ExitStack()
        self._stack.enter_context(interpreting(whom.interpreter(options)))
        handlers = whom.handlers(options, config)
        self._manner = whom.manner(options)
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
        outgoing.finish()

    def _over(self, run: Run, event: Event, began: float, status: int | None) -> Run:
        """The run after an attempt, or after all of it.

        An end is written down before it is told, since telling may take long: others that end meanwhile, and the next start, are to
        know of it. One that somebody should have heard of, and nobody could, does not count: the next one is told in its place.
        """
        after = moved(run, event)
        if isinstance(after, IllegalTransition) or not ends(run, after):
            return self._announcer.feed(run, event)
        past = memory.write_down(after, began, event.at.timestamp(), status, counts=self._counts)

        def take_back() -> None:
            memory.retract(run.subject.slug, failed=after.state.is_failed(), before=past)

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
        found = left(self._options.label) if self._manner != "none" else ()
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
