"""What the full call of a handler does: announce one change, standing alone."""

from datetime import UTC, datetime

import attrs

from tocsin.core.changes import Change, Tracked
from tocsin.core.machine import Run, Subject, ends
from tocsin.core.messages.text import label
from tocsin.core.notifiers import Messenger, Notifier
from tocsin.core.outcomes import DeliveryError
from tocsin.core.states import State
from tocsin.shell import log
from tocsin.shell.deliver import deliver
from tocsin.shell.errors import NotificationFailed, failed
from tocsin.shell.hearing import Hearing
from tocsin.shell.interpreters.protocol import nobody
from tocsin.shell.memory import ended, taking_back
from tocsin.shell.surroundings import facts, run_id


def tell(notifier: Notifier, tracked_obj: Tracked, old: State, new: State) -> None:
    """Announce the change by the interpreter in force. The first delivery that fails is raised as ``NotificationFailed``.

    It is raised outside every ``except`` block: a context would carry along the failed request, and the secrets in it.
    """
    if not notifier.concerns(type(new)):
        return
    name, now = label(tracked_obj), datetime.now(UTC)
    run = Run(Subject(tracked_obj, (notifier,), run_id(), name))  # whatever came before the change is not ours to judge
    after = attrs.evolve(run, state=new)
    known = ended(run, after, name) if notifier.remembers() and ends(run, after) else run
    subject = known.subject
    notice = in_time(notifier).notice(Change(tracked_obj, old, new, now, subject.run_id, name, facts=facts(), past=subject.past))
    for fault in notice.faults:
        log.note(fault)
    unheard = None if known is run else taking_back(known, after, name)
    hearing = None if unheard is None else Hearing(unheard)
    failures: list[NotificationFailed] = []
    for effect in notice.effects:
        outcome = deliver(effect, nobody if hearing is None else hearing.of(effect))
        failures += [failed(effect, outcome)] if isinstance(outcome, DeliveryError) else []
    if hearing is not None:
        hearing.complete()
    if failures:
        raise failures[0]


def in_time(notifier: Notifier) -> Notifier:
    """The notifier; its formatter, where it has one, kept to its time."""
    if not isinstance(notifier, Messenger) or notifier.message is None:
        return notifier
    from tocsin.shell.handlers.timely import timely  # slow to load, and most have none

    return timely(notifier, notifier.message)
