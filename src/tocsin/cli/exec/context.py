"""The state of one ``tocsin exec``: its options, the current attempt, and the environment of the command.

``--scrub-env`` removes from the command's environment:

- the default secrets, those that the configuration names, and the one of ``--ping``, each also as ``NAME_FILE``;
- the settings ``TOCSIN_...``, except the two that say whether to send, and from where.

It also keeps the command from reading them in tocsin's own environment.
"""

from __future__ import annotations

import os
import signal
import time

from tocsin.cli.exec.signal_pipe import FORWARDED_SIGNALS, TERMINAL_SIGNALS
from tocsin.cli.exec.spawn import INIT_PID, Child, StartFailure, forbid_reading, inherited_environment, start
from tocsin.cli.stderr import complain

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tocsin.cli.exec.held_output import HeldOutput
    from tocsin.cli.exec.options import Options
    from tocsin.cli.exec.output_tee import OutputTee
    from tocsin.cli.exec.process_group import GroupLeader
    from tocsin.cli.exec.routes import Route
    from tocsin.cli.exec.signal_pipe import SignalPipe

_DEFAULT_SECRETS = ("SLACK_WEBHOOK_URL", "EMAIL_USERNAME", "EMAIL_PASSWORD")
_KEPT_SETTINGS = ("TOCSIN_NOTIFY", "TOCSIN_ENV")
_NO_DEADLINE = float("inf")


class ExecContext:
    """One run. Constructing it starts the first attempt; ``start_attempt`` starts another.

    ``child`` is the latest attempt, and ``started`` its start by ``time.monotonic``: the other clock may be set while it runs.

    Args:
        options: the options of the command line.
        signals: delivers signals and wake-ups while the command runs.
        run_id: identifies the run.
        began: start of the run, in seconds since 1970 and by ``time.monotonic``.
        leader: the helper process of the first attempt; None to start one if it needs one.
    """

    def __init__(
        self, options: Options, signals: SignalPipe, run_id: str, began: tuple[float, float], leader: GroupLeader | None = None
    ) -> None:
        self.options = options
        self.signals = signals
        self.run_id = run_id
        self.began = began
        inherited = inherited_environment()
        self._environment = inherited
        if options.scrub_env:
            self._environment = scrub_environment(inherited, options.ping)
            forbid_reading()
        self._environment.update(options.env_file)
        if options.notify != "live":
            self._environment["TOCSIN_NOTIFY"] = options.notify  # a tocsin inside the command follows --notify too
        self.held: HeldOutput | None = None
        self.start_attempt(leader)

    def start_attempt(self, leader: GroupLeader | None = None) -> None:
        """Start the command and the copying of its output. If it cannot be started, print the reason."""
        self.routes: list[Route] = _open_routes(self.options) if self.options.tail or self.options.quiet else []
        self.tee: OutputTee | None = None
        self.started: float = time.monotonic()
        self.child: Child | StartFailure = start(
            self.options.command,
            self._environment,
            self.signals.mask,
            self.routes,
            leader,
            die_with_parent=self.options.die_with_parent,
        )
        for route in self.routes:
            route.close_inner()
        if self.routes:
            from tocsin.cli.exec.output_tee import OutputTee

            if self.options.quiet:
                self._hold_output()
            self.tee = OutputTee(self.routes, self.signals.wake)
        if isinstance(self.child, StartFailure):
            complain(self.child.fault)
        elif self.options.die_with_parent and not self.child.has_leader:
            complain("--die-with-parent has no effect: the helper process, /bin/sh, could not be started")

    def _hold_output(self) -> None:
        from tocsin.cli.exec.held_output import HeldOutput

        self.held = self.held or HeldOutput()
        for route in self.routes:
            self.held.hold(route)

    def release_output(self, *, failed: bool) -> None:
        """Write the output that ``--quiet`` holds back, if the run failed; else drop it."""
        held, self.held = self.held, None
        if held is not None and failed:
            held.release(self.signals)

    def wait_for_exit(self) -> int:
        """Wait for the current attempt and return its exit status, without time-outs or retries: the fallback if those failed."""
        child = self.child
        if not isinstance(child, Child):
            return child.status
        forwarded = FORWARDED_SIGNALS if child.group is not None else FORWARDED_SIGNALS - TERMINAL_SIGNALS
        while not child.reap(all_children=os.getpid() == INIT_PID):
            for number in forwarded.intersection(self.signals.wait(_NO_DEADLINE)):
                send(child, number)
        child.close()
        if self.tee is not None:
            self.tee.finish(self.signals)
        code = child.raw or 0
        status = code >> 8 & 255 if code & 127 == 0 else 128 + (code & 127)
        self.release_output(failed=status not in self.options.expect)
        return status


def send(child: Child, *numbers: int) -> None:
    """Send signals to a process. If it has ended, do nothing; if sending is not permitted, print that."""
    for number in numbers:
        try:
            child.send(number)
        except ProcessLookupError:
            pass  # it has just ended
        except OSError as error:
            complain(f"{signal.Signals(number).name} could not be sent to the command: {error.strerror}")


def scrub_environment(environment: Mapping[str, str], ping: str | None) -> dict[str, str]:
    """Return the environment without tocsin's secrets and settings."""
    names = {*_DEFAULT_SECRETS, *_configured_secrets(), *([ping] if ping else [])}
    hidden = names | {f"{name}_FILE" for name in names}
    hidden |= {name for name in environment if name.startswith("TOCSIN_") and name not in _KEPT_SETTINGS}
    return {name: value for name, value in environment.items() if name not in hidden}


def _configured_secrets() -> tuple[str, ...]:
    try:
        from tocsin.shell.config.load import configuration

        return configuration().secret_names
    except Exception as error:
        complain(f"--scrub-env hides only the default secrets: {type(error).__name__}: {error}")
        return ()


def _open_routes(options: Options) -> list[Route]:
    from tocsin.cli.exec.routes import open_routes

    try:
        return open_routes(terminals=not options.quiet)
    except OSError as error:
        complain(f"{'--tail' if options.tail else '--quiet'} cannot capture the output: {error.strerror}")
        return []
