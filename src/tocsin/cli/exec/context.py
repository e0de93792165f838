"""``--scrub-env``: what a command's environment must not hold, since it says how to reach people.

The default secrets, those that the configuration names, and the one of ``--ping``, each also as the file that ``NAME_FILE`` names; and
the settings ``TOCSIN_...``, but for the two that say whether to send, and from where.

The course that one ``tocsin exec`` takes: what was asked for, and the attempt that is under way.
"""

from __future__ import annotations

import os
import signal
import time

from tocsin.cli.exec.signal_pipe import PASSED_ON, TERMINALS
from tocsin.cli.exec.spawn import FIRST, Child, Unstarted, start, surroundings
from tocsin.cli.exec.stderr import complain

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tocsin.cli.exec.options import Options
    from tocsin.cli.exec.output_tee import OutputTee
    from tocsin.cli.exec.signal_pipe import SignalPipe
    from tocsin.cli.exec.spawn import Route

_DEFAULT = ("SLACK_WEBHOOK_URL", "EMAIL_USERNAME", "EMAIL_PASSWORD")
_KEPT = ("TOCSIN_NOTIFY", "TOCSIN_ENV")


def scrubbed(environment: Mapping[str, str], ping: str | None) -> dict[str, str]:
    """The environment without our secrets."""
    names = {*_DEFAULT, *_configured(), *([ping] if ping else [])}
    hidden = names | {f"{name}_FILE" for name in names}
    return {name: value for name, value in environment.items() if name not in hidden and not _ours(name)}


def _ours(name: str) -> bool:
    return name.startswith("TOCSIN_") and name not in _KEPT


def _configured() -> tuple[str, ...]:
    try:
        from tocsin.shell.config.defaults import secret_names

        return secret_names()
    except Exception as error:
        complain(f"--scrub-env hides the default secrets alone: {type(error).__name__}: {error}")
        return ()


_EVER = float("inf")


class ExecContext:
    """One run, which begins when it is made; ``begin`` begins another attempt.

    ``child`` is the latest attempt, and ``since`` when it was started, by ``time.monotonic``.

    Args:
        options: what was asked for.
        listening: what happens meanwhile.
        run_id: names the run.
        began: when it did, in seconds since 1970.
    """

    def __init__(self, options: Options, listening: SignalPipe, run_id: str, began: float) -> None:
        self.options = options
        self.listening = listening
        self.run_id = run_id
        self.began = began
        self._environment = _scrubbed(options) if options.scrub_env else surroundings()
        if options.notify != "live":
            self._environment["TOCSIN_NOTIFY"] = options.notify  # what tells people inside the command is to do likewise
        self.begin()

    def begin(self) -> None:
        """Start the command, and have its output on its way; where it cannot be started, say why."""
        self.routes: list[Route] = _routes() if self.options.tail else []
        self.pumps: OutputTee | None = None
        self.started: float = time.time()
        self.since: float = time.monotonic()
        self.child: Child | Unstarted = start(self.options.command, self._environment, self.listening.mask, self.routes)
        for route in self.routes:
            route.begun()
        if self.routes:
            from tocsin.cli.exec.output_tee import OutputTee

            self.pumps = OutputTee(self.routes, self.listening.wake)
        if isinstance(self.child, Unstarted):
            complain(self.child.fault)

    def waited(self) -> int:
        """The exit status of the attempt under way, without any of the rest: where that has failed."""
        child = self.child
        if not isinstance(child, Child):
            return child.status
        heard = PASSED_ON if child.own_group else PASSED_ON - TERMINALS
        while not child.reap(everyone=os.getpid() == FIRST):
            for number in heard.intersection(self.listening.wait(_EVER)):
                send(child, number)
        if self.pumps is not None:
            self.pumps.settle(self.listening)
        code = child.raw or 0
        return code >> 8 & 255 if code & 127 == 0 else 128 + (code & 127)


def send(child: Child, *numbers: int) -> None:
    """Send signals to a process that may be gone, or not ours to send to, which is said."""
    for number in numbers:
        try:
            child.send(number)
        except ProcessLookupError:
            pass  # it has just ended
        except OSError as error:
            complain(f"{signal.Signals(number).name} could not be sent to the command: {error.strerror}")


def _scrubbed(options: Options) -> dict[str, str]:

    return scrubbed(surroundings(), options.ping)


def _routes() -> list[Route]:
    from tocsin.cli.exec.spawn import routes

    try:
        return routes()
    except OSError as error:
        complain(f"the tail of the output will not be known: {error.strerror}")
        return []
