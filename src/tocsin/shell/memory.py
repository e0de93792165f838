"""What runs remember of those before them, for the filters that ask: read from the journal, and written to it.

- It is looked up only where a handler remembers, so that nobody else pays for it, or leaves a file behind.
- Only what runs for real is remembered: a dry run reads the journal, so that it shows what would be sent, and writes nothing. Where
  nothing is sent or shown at all, as in a test, nothing is read either.
- A journal that cannot be read or written is said once, and costs a memory, never a run.
"""

import attrs

from tocsin.core.machine import Run, remembered
from tocsin.core.notifiers import Notifier
from tocsin.shell.ambient import manner


def recalled(run: Run, label: str) -> Run:
    """The run, with the past of its label where one of its handlers asks for it."""
    if not _asked(run) or manner() == "none":
        return run
    from tocsin.shell.journal.memory import past

    return attrs.evolve(run, subject=attrs.evolve(run.subject, past=past(label)))


def remember(run: Run, label: str) -> None:
    """Keep how the run ended, for the next one of its label."""
    if _asked(run) and manner() == "live" and (now := remembered(run)) is not run.subject.past:
        from tocsin.shell.journal.memory import keep

        keep(label, now)


def _asked(run: Run) -> bool:
    return any(isinstance(handler, Notifier) and handler.remembers() for handler in run.subject.handlers)
