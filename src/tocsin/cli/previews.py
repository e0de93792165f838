"""Previews: what tocsin's own commands show instead of sending, on a terminal and in a pipe.

- On a terminal each effect is drawn as its reader would see it: the first five whole, and further ones on a line each.
- Elsewhere, and if asked for, each is one JSON object on one line: the exact effect, as ``core.effect_json`` has it.
- The libraries that draw are loaded with the first drawing, since ``tocsin exec`` starts without them. If they are not installed, an
  effect is shown as ``DryRun`` prints it.
"""

import sys
from datetime import datetime
from typing import ClassVar, Literal, TextIO

import attrs
from typing_extensions import override

from tocsin.cli.stderr import show
from tocsin.cli.stdout import write
from tocsin.core.delivery.rendering import redacted_message
from tocsin.core.effects import CallBack, Effect, shown
from tocsin.core.outcomes import Outcome, Shown, Withheld
from tocsin.core.text import printable
from tocsin.shell.adapters import Clock, SystemClock
from tocsin.shell.environment import Notify
from tocsin.shell.fork_safety import ForkSafeLock
from tocsin.shell.interpreter import Performer
from tocsin.shell.redaction import redact

WHOLE = 5
"""How many effects are drawn whole. Further ones take a line each."""

Stream = Literal["stdout", "stderr"]


@attrs.define(eq=False)
class Recorder(Performer):
    """Keeps each effect with the time at which it came, and sends nothing. Secrets are replaced also in one that was made by hand."""

    clock: Clock = attrs.field(factory=SystemClock, kw_only=True)
    kept: list[tuple[Effect, datetime]] = attrs.field(factory=list[tuple[Effect, datetime]], init=False)

    notify: ClassVar[Notify] = "print"

    @override
    def perform(self, effect: Effect, /) -> Outcome:
        safe = effect if isinstance(effect, CallBack) else redacted_message(effect, redact)
        self.kept.append((safe, self.clock.now()))
        return self.show(safe)

    def show(self, effect: Effect) -> Outcome:  # noqa: ARG002 - a subclass shows it
        """Return the outcome; a subclass shows the effect first."""
        return Shown()


@attrs.define(eq=False)
class Previews(Recorder):
    """Shows each effect as it comes.

    Args:
        stream: where: standard output, or standard error for a command that has its own output.
        as_json: whether each is one JSON object also on a terminal.
        whole: whether each is drawn whole, however many there are.
    """

    stream: Stream = "stdout"
    as_json: bool = False
    whole: bool = False
    _drawn: int = attrs.field(default=0, init=False)
    _guard: ForkSafeLock = attrs.field(factory=ForkSafeLock, init=False)

    @override
    def show(self, effect: Effect) -> Outcome:
        file = sys.stdout if self.stream == "stdout" else sys.stderr
        if file is None:  # a service may have none
            return Withheld(f"there is no standard {'output' if self.stream == 'stdout' else 'error'} to show it on")
        with self._guard.lock:
            text = self._text(effect, file)
            if self.stream == "stdout":
                write(f"{text}\n")
            else:
                show(text)
        return Shown()

    def _text(self, effect: Effect, file: TextIO) -> str:
        if self.as_json or not file.isatty():
            from tocsin.core.effect_json import effect_json

            return json_text(effect_json(effect))
        try:
            from tocsin.cli.drawn import drawn
        except ModuleNotFoundError:  # without tocsin[cli]
            return printable(shown(effect, redact))
        self._drawn += 1
        if self._drawn == WHOLE + 1 and not self.whole:
            return f"Further ones take a line each; -v draws them whole.\n{drawn(effect, file, whole=False)}"
        return drawn(effect, file, whole=self.whole or self._drawn <= WHOLE)


def json_text(tree: object) -> str:
    """Return an object as JSON on one line, in ASCII. Its texts hold no secret."""
    from json import dumps

    return dumps(tree)
