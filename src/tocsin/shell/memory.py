"""What runs remember of those before them, for the filters that ask: read from the journal, and written to it.

- It is looked up only where a handler remembers, so that nobody else pays for it, or leaves a file behind.
- The end of a run is remembered before people are told of it, in one transaction with the look at what was before: runs that end at the
  same moment are told one after the other, whoever of them tells first.
- An end that somebody should have been told of, and nobody could be, is taken back: the next one is told in its place.
- Only what runs for real is remembered: a dry run reads the journal, so that it shows what would be sent, and writes nothing. Where
  nothing is sent or shown at all, as in a test, nothing is read either.
- A journal that cannot be read or written is said once, and costs a memory, never a run.
"""

from collections.abc import Iterable

import attrs

from tocsin.core.events import Event
from tocsin.core.machine import ForeignHandler, Run, ends, moved
from tocsin.core.notifiers import Notifier
from tocsin.core.transitions import IllegalTransition
from tocsin.shell.ambient import manner
from tocsin.shell.announcer import Announcer


def announced(announcer: Announcer, run: Run, event: Event, label: str) -> Run:
    """The run after the event, which was announced; an end with the past of its label."""
    known = _aware(run, event, label)
    after = announcer.feed(known, event)
    if known is not run and announcer.unheard:
        take_back(known, announcer.announced[-1].after, label)  # as it happened, whatever handlers made of it
    return after


def _aware(run: Run, event: Event, label: str) -> Run:
    """The run, aware of how earlier ones of its label ended, where the event is its end and one of its handlers asks."""
    if not remembers(run.subject.handlers):
        return run
    after = moved(run, event)
    return run if isinstance(after, IllegalTransition) or not ends(run, after) else ended(run, after, label)


def ended(run: Run, after: Run, label: str) -> Run:
    """The run, aware of how earlier ones of its label ended; and that it ended as ``after`` is remembered for the next."""
    here = manner()
    if here == "none":
        return run
    from tocsin.shell.journal.memory import advance, past

    before = advance(label, failed=after.state.is_failed()) if here == "live" else past(label)
    return attrs.evolve(run, subject=attrs.evolve(run.subject, past=before))


def take_back(run: Run, after: Run, label: str) -> None:
    """Forget that the run ended as ``after``."""
    if manner() == "live":
        from tocsin.shell.journal.memory import retract

        retract(label, failed=after.state.is_failed(), before=run.subject.past)


def remembers(handlers: Iterable[Notifier | ForeignHandler]) -> bool:
    """Whether one of the handlers asks for earlier runs."""
    return any(isinstance(handler, Notifier) and handler.remembers() for handler in handlers)
