"""What the full call of a handler does: announce one change, standing alone."""

from datetime import UTC, datetime

import attrs

from tocsin.core.changes import Change, Tracked
from tocsin.core.machine import Run, Subject, ends
from tocsin.core.messages.text import label
from tocsin.core.notifiers import Notifier
from tocsin.core.outcomes import DeliveryError
from tocsin.core.states import State
from tocsin.shell import log
from tocsin.shell.deliver import deliver
from tocsin.shell.errors import failed
from tocsin.shell.memory import ended, take_back
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
    subject = (ended(run, after, name) if notifier.remembers() and ends(run, after) else run).subject
    notice = notifier.notice(Change(tracked_obj, old, new, now, subject.run_id, name, facts=facts(), past=subject.past))
    for fault in notice.faults:
        log.note(fault)
    for effect in notice.effects:
        outcome = deliver(effect)
        if isinstance(outcome, DeliveryError):
            if subject is not run.subject:
                take_back(attrs.evolve(run, subject=subject), after, name)
            raise failed(effect, outcome)
