"""Sends the notifications of one ``tocsin exec``: its attempts are a run, and its events go through ``step`` as everywhere.

- It is imported once the command has started, and runs in a thread of its own.
- It makes no decisions: ``core.endings`` says what an end means, ``core.planning`` whether another attempt follows, and the
  configuration with the options over it who is notified, of what, and how.
"""

import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import attrs

from tocsin.cli.exec.known_secrets import register_secrets
from tocsin.cli.exec.notifier_protocol import OpenRun
from tocsin.cli.exec.options import Options, as_utf8
from tocsin.cli.stderr import complain, show
from tocsin.core import events as e
from tocsin.core.config.schema import Configuration
from tocsin.core.effects import CallBack
from tocsin.core.endings import KILLED, STOPPED, Command, outcome
from tocsin.core.events import Detail, Event, Facts
from tocsin.core.filters.algebra import Filter
from tocsin.core.filters.policies import on_change
from tocsin.core.filters.predicates import entered, final_attempt
from tocsin.core.machine import Announcement, Run, Subject, propose
from tocsin.core.notifiers import Messenger, Notifier, Pinger, SlackNotifier
from tocsin.core.outcomes import Rejected, Shown
from tocsin.core.planning import RetryRules, Situation, plan
from tocsin.core.progress import still_running
from tocsin.core.secrets import masked_command
from tocsin.core.services.healthchecks import ping_fault
from tocsin.core.states import KINDS, Finished, Retrying, Running, State
from tocsin.core.supervisor import Ended
from tocsin.core.text import last_lines, readable
from tocsin.shell import log, queues, redaction
from tocsin.shell.adapters import SystemClock
from tocsin.shell.adapters.healthchecks import Ping
from tocsin.shell.adapters.secrets import Secret
from tocsin.shell.announce import Announcer, facts
from tocsin.shell.config.defaults import secrets, usual_handlers, webhook
from tocsin.shell.config.load import configuration
from tocsin.shell.current import interpreting
from tocsin.shell.environment import NAME, Notify, misspelt, override
from tocsin.shell.history.paths import has_expectations, has_folder
from tocsin.shell.history.run_locks import KilledRun, RunLock, killed_runs
from tocsin.shell.history.run_record import KeptEnd
from tocsin.shell.history.streaks import record_end
from tocsin.shell.interpreter import Interpreter
from tocsin.shell.interpreters.dry_run import Silent
from tocsin.shell.redaction import redact
from tocsin.shell.reliable import reliable
from tocsin.shell.report import DeliveryLog, RunReport

_NOT_RETRIED = final_attempt | ~entered(Finished)
"""Leaves out the end of an attempt that is followed by another."""


def notify_mode(options: Options) -> Notify:
    """Return whether to send, print or drop notifications. ``TOCSIN_NOTIFY`` overrides a live run."""
    return override() or "live" if options.notify == "live" else options.notify


def chosen_interpreter(options: Options) -> Interpreter:
    """Return the interpreter. Printed notifications go to standard error, since standard output is the command's."""
    mode = notify_mode(options)
    if mode == "live":
        return reliable()
    if mode == "print":
        from tocsin.cli.previews import Previews  # only for a preview

        return Previews(stream="stderr", as_json=options.json, whole=options.verbose)
    return Silent() if options.notify == "none" else _silenced()


def _silenced() -> Silent:
    """Return the interpreter for a silence that the environment asks for. Log a misspelt value once."""
    wrong = misspelt()
    if wrong is not None:
        log.once(f"{wrong}: nothing is sent")
    return Silent(f"{NAME} says so")


def command_handlers(options: Options, config: Configuration, ping: Ping | None) -> tuple[Notifier, ...]:
    """Return the handlers of a run: the configured notifiers with the options applied, and the dead-man service."""
    usual = usual_handlers(config, notify_mode(options))
    if options.mention and usual and not any(isinstance(notifier, SlackNotifier) for notifier in usual):
        log.once("--mention has no effect: it names people on Slack, and no message goes there")
    return (*(_with_options(notifier, options) for notifier in usual), *([] if ping is None else [Pinger(ping)]))


def _with_options(notifier: Messenger, options: Options) -> Messenger:
    only, ignore = _kinds(options.only), _kinds(options.ignore)
    when: Filter = _NOT_RETRIED & notifier.when
    if options.on_change or options.after is not None:
        when = when & on_change(options.after or 1, options.every)
    notifier = attrs.evolve(
        notifier,
        only_states=only or notifier.only_states,
        ignore_states=ignore or notifier.ignore_states,
        when=when,
    )
    return attrs.evolve(notifier, mention=options.mention) if options.mention and isinstance(notifier, SlackNotifier) else notifier


def _kinds(names: tuple[str, ...]) -> list[type[State]]:
    return [kind for kind in KINDS if kind.__name__ in names]


def _ping(given: str, config: Configuration) -> Ping | None:
    """Return the dead-man service of ``--ping``. Log why there is none, if its URL is not to be used."""
    url = Secret("--ping", given) if "://" in given else secrets(config).find(given)
    if isinstance(url, Rejected):
        hint = "" if url.secret == given else ": write --ping https://..., or the name of a secret"  # it may hold the token itself
        log.once(f"the dead-man service is not pinged: {url.reason}{hint}")
        return None
    fault = ping_fault(url.reveal())
    if fault is not None:
        log.once(f"the dead-man service is not pinged: the URL in {url.name} is refused: {fault}")
        return None
    return Ping(url, webhook(config))


def _readable(tail: bytes) -> str:
    """Return the end of the output as a terminal shows it, without secrets: also without those that are overwritten in part."""
    return redact(readable(redact(tail.decode("utf-8", "replace")).encode("utf-8", "replace")))


class CommandNotifier:
    """Sends the notifications of one run of a command; see ``notifier_protocol.ExecNotifier``."""

    def __init__(self, options: Options, run: OpenRun) -> None:
        config = configuration()
        register_secrets(config)
        for name, value in options.env_file.items():
            redaction.suspect(name, as_utf8(value))
        self._options = options
        self._rules = RetryRules(max_retries=options.retries, retry_delay=timedelta(seconds=options.retry_delay))
        self._stack = ExitStack()
        self._log = self._stack.enter_context(interpreting(DeliveryLog(chosen_interpreter(options))))
        self._announcer = Announcer(self._log, SystemClock(), facts())
        self._ping = None if options.ping is None else _ping(options.ping, config)
        handlers = command_handlers(options, config, self._ping)
        self._notify = notify_mode(options)
        self._counts = self._notify == "live" and any(isinstance(handler, Messenger) for handler in handlers)
        self._began, self._monotonic = run.started, run.monotonic
        label = options.label
        attempts, is_kept = options.retries + 1, has_folder()
        self._run = Run(Subject(Command(label), handlers, run.run_id, label, attempts=attempts, shows_run_id=is_kept))
        self._report_killed_runs()
        self._check_expectations()
        self._announcer.tell_left((self._run.subject,))
        self._retold = len(self._log.entries)  # the messages about earlier runs

    def started(self) -> None:
        """Notify of the start of an attempt."""
        at = _moment(self._began) if self._run.started_at is None else self._announcer.clock.now()
        self._run = self._announcer.feed(self._run, e.Started(at, None, facts=self._announcer.facts))

    def ended(self, ended: Ended) -> float | None:
        """Notify of the end of an attempt. Return the seconds until the next attempt, or None for no further one."""
        fault = None if ended.fault is None else redact(ended.fault)
        self._prepare_ping(ended.status, _readable(ended.tail))
        whole = attrs.evolve(ended, fault=fault)
        event = outcome(whole, _moment(ended.ended), self._run.attempt, self._facts(ended.tail), self._options.expect)
        if self._run.attempt > 1:
            event = attrs.evolve(event, run_took=timedelta(seconds=max(ended.ended - ended.began, 0.0)))
        self._run = self._finish(self._run, event, ended.began, ended.status)
        now = self._announcer.clock.now()
        follows = plan(self._run, Situation(now, rules=self._rules, facts=self._announcer.facts))
        if isinstance(follows, e.RetryDue):
            self._run = self._announcer.feed(self._run, follows)
            return 0.0 if follows.start is None else (follows.start - now).total_seconds()
        return None

    def still_running(self, seconds: float, tail: bytes) -> None:
        """Notify that the attempt still runs, this long after the start of the run."""
        said = still_running(self._announcer.clock.now(), seconds, None, self._facts(tail))
        self._run = self._announcer.feed(self._run, said)

    def close(self) -> None:
        """End the notifications. A run that was stopped between two attempts is reported as aborted first."""
        if isinstance(self._run.state, Retrying):
            now = self._announcer.clock.now()
            self._prepare_ping(None, "")
            run_took = time.monotonic() - self._monotonic
            stopped = e.Interrupted(now, message=STOPPED, facts=self._announcer.facts, run_took=timedelta(seconds=run_took))
            began = now.timestamp() - run_took  # by the clock as it stands now
            self._run = self._finish(self._run, stopped, began, None)
        self._check_expectations()
        self._stack.close()
        queues.finish()
        if self._options.explain:
            self._show_report()
        elif self._notify == "print" and not self._has_shown():
            self._show_silence()

    def _prepare_ping(self, status: int | None, tail: str) -> None:
        """Note for the dead-man service how the command ended."""
        if self._ping is not None:
            self._ping.status, self._ping.tail = status, tail

    def _has_shown(self) -> bool:
        """Return whether a message about this run was printed."""
        entries = self._log.entries[self._retold :]
        return any(isinstance(entry.answer, Shown) and not isinstance(entry.effect, CallBack) for entry in entries)

    def _show_report(self) -> None:
        """Show for each change and handler whether a message was sent, or why not."""
        subject, announcer = self._run.subject, self._announcer
        changes, faults = tuple(announcer.announced), tuple(announcer.faults)
        show(RunReport(subject.slug, subject.run_id, self._run.state, changes, self._log, faults).explain())

    def _show_silence(self) -> None:
        """Say why no message would be sent of the last change."""
        reasons = [
            handler.explain(last.shown_to(position)).reason
            for last in self._announcer.announced[-1:]
            for position, handler in enumerate(last.handlers)
            if isinstance(handler, Messenger)
        ]
        complain(f"no message would be sent: {'; '.join(dict.fromkeys(reasons)) or 'the configuration names no notifier'}")

    def _finish(self, run: Run, event: Event, began: float, status: int | None) -> Run:
        """Return the run after the end of an attempt. Record it in the history if it is the end of the run.

        The end is recorded before the notification, which may take long: other runs and the next start read the history meanwhile. If
        the notification could not be delivered at all, the record is taken back, so that the next end is reported in its place.
        """
        self._announcer.remember = lambda proposed, _: record_end(proposed, began, status, counts=self._counts)
        return self._announcer.feed(run, event)

    def _facts(self, tail: bytes) -> Facts:
        """Return the facts of an event, with the command and the output tail if asked for.

        Both are made readable and redacted, then cut: into the last lines, too, since a secret may have several.
        """
        details: list[Detail] = []
        if self._options.show_command:
            words = [redact(as_utf8(word)) for word in self._options.command]
            details.append(Detail("Command", redact(masked_command(words)), quoted=True))
        if self._options.tail and (lines := last_lines(_readable(tail), self._options.tail)):
            details.append(Detail("Last lines", lines, quoted=True))
        return attrs.evolve(self._announcer.facts, details=tuple(details))

    def _check_expectations(self) -> None:
        """Tell people of runs of any label that were expected and did not start. It raises nothing."""
        if self._notify == "live" and has_expectations():
            from tocsin.shell.absence import check_quietly  # loaded by few

            check_quietly(lambda: self._announcer.log.inner)

    def _report_killed_runs(self) -> None:
        """Notify of earlier runs of this label that were killed, and of ends whose messages were not safe at a kill.

        The lock of such a run is held until its message is safe, and only then is its file removed. If this process is killed before,
        the next start notifies of it. Printing does not count as a notification.
        """
        found = killed_runs(self._options.label) if self._notify != "none" else ()
        if self._notify == "print":
            for killed in found:
                self._announcer.announce(self._left_end(killed, KeptEnd.parsed(killed.end)), retold=True)
        else:
            for killed, lock in ((run, lock) for run in found if (lock := run.claim()) is not None):
                self._report_left(killed, lock, KeptEnd.parsed(killed.end))

    def _report_left(self, killed: KilledRun, lock: RunLock, kept: KeptEnd | None) -> None:
        status = None if kept is None else kept.status
        self._announcer.remember = lambda proposed, _: record_end(
            proposed, killed.started, status, counts=self._counts, left=(lock, kept)
        )
        self._announcer.announce(self._left_end(killed, kept), retold=True)

    def _left_end(self, killed: KilledRun, kept: KeptEnd | None) -> Announcement:
        """Return the end of a killed run: the end that it kept, or that its end is not known."""
        details = (Detail("Started", _moment(killed.started).strftime("%Y-%m-%d %H:%M:%S %z")),)
        known = attrs.evolve(self._announcer.facts, details=details)
        subject = attrs.evolve(self._run.subject, run_id=killed.run_id)
        if kept is not None:
            return kept.announcement(subject, known)
        event = e.Interrupted(self._announcer.clock.now(), message=KILLED, facts=known)
        proposed = propose(Run(subject, Running(), ordinal=1), event)
        assert isinstance(proposed, Announcement), proposed  # the event is legal
        return proposed


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
