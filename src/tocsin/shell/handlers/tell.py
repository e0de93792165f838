"""What the full call of a handler does: announce one change, standing alone."""

from datetime import UTC, datetime

from tocsin.core.changes import Change, Tracked
from tocsin.core.machine import Run, Subject
from tocsin.core.messages.text import label
from tocsin.core.notifiers import Notifier
from tocsin.core.outcomes import DeliveryError
from tocsin.core.states import State
from tocsin.shell import log
from tocsin.shell.deliver import deliver
from tocsin.shell.errors import failed
from tocsin.shell.memory import recalled, remember
from tocsin.shell.surroundings import facts, run_id


def tell(notifier: Notifier, tracked_obj: Tracked, old: State, new: State) -> None:
    """Announce the change by the interpreter in force. The first delivery that fails is raised as ``NotificationFailed``.

    It is raised outside every ``except`` block: a context would carry along the failed request, and the secrets in it.
    """
    if not notifier.concerns(type(new)):
        return
    name, now = label(tracked_obj), datetime.now(UTC)
    run = recalled(Run(Subject(tracked_obj, (notifier,), run_id(), name), old), name)
    subject = run.subject
    notice = notifier.notice(Change(tracked_obj, old, new, now, subject.run_id, name, facts=facts(), past=subject.past))
    remember(Run(subject, new), name)
    for fault in notice.faults:
        log.note(fault)
    for effect in notice.effects:
        outcome = deliver(effect)
        if isinstance(outcome, DeliveryError):
            raise failed(effect, outcome)
