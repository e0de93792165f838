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
from tocsin.core.commands import KILLED, Command, outcome
from tocsin.core.events import Detail, Facts
from tocsin.core.machine import Run, Subject
from tocsin.core.messages.output import last_lines, readable
from tocsin.core.plan import Rules, Situation, plan
from tocsin.core.states import Running
from tocsin.core.supervision import Ended
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
        self._stack.enter_context(interpreting(whom.interpreter(options, config)))
        handlers = whom.handlers(options, config)
        self._began = run.started
        self._run = Run(Subject(Command(options.label), handlers, run.run_id, options.label, attempts=options.retries + 1))
        self._tell_lost()

    def started(self) -> None:
        """Tell that an attempt has begun."""
        at = _moment(self._began) if self._run.started_at is None else self._announcer.clock.now()
        self._run = self._announcer.feed(self._run, e.Started(at, None, facts=self._announcer.facts))

    def ended(self, ended: Ended) -> float | None:
        """Tell that it has ended: the seconds until the next attempt, or None where none follows."""
        self._run = _recalling(self._run)
        event = outcome(ended, _moment(ended.ended), self._run.attempt, self._known(ended))
        self._run = self._announcer.feed(self._run, event)
        now = self._announcer.clock.now()
        follows = plan(self._run, Situation(now, rules=self._rules, facts=self._announcer.facts))
        if isinstance(follows, e.RetryDue):
            self._run = self._announcer.feed(self._run, follows)
            return 0.0 if follows.start is None else (follows.start - now).total_seconds()
        self._write_down(self._run, self._began, ended.ended, ended.status)
        return None

    def close(self) -> None:
        """Nothing more will be told."""
        self._stack.close()

    def _known(self, ended: Ended) -> Facts:
        """The facts of the end, with what was asked for of the command and its output; redacted before anything is cut."""
        details: list[Detail] = []
        if self._options.show_command:
            details.append(Detail("Command", redact(shlex.join(self._options.command)), quoted=True))
        if self._options.tail and (said := last_lines(redact(readable(ended.tail)), self._options.tail)):
            details.append(Detail("Last lines", said, quoted=True))
        return attrs.evolve(self._announcer.facts, details=tuple(details))

    def _tell_lost(self) -> None:
        """Tell of the runs of this label that nobody saw the end of, each once."""
        for lost in left(self._options.label):
            if lost.claim():
                subject = attrs.evolve(self._run.subject, run_id=lost.run_id)
                details = (Detail("Started", _moment(lost.started).strftime("%Y-%m-%d %H:%M:%S %z")),)
                known = attrs.evolve(self._announcer.facts, details=details)
                now = self._announcer.clock.now()
                run = _recalling(Run(subject, Running(), ordinal=1))
                run = self._announcer.feed(run, e.Interrupted(now, message=KILLED, facts=known))
                self._write_down(run, lost.started, now.timestamp(), None)

    def _write_down(self, run: Run, started: float, ended: float, status: int | None) -> None:
        memory.write_down(run, started, ended, status)


def _recalling(run: Run) -> Run:
    """The run with the past of its label as it is now: another run of it may have ended in the meantime."""
    return attrs.evolve(run, subject=attrs.evolve(run.subject, past=memory.past(run.subject.slug)))


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
