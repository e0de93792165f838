"""What people are told before a run begins: of ends that earlier runs left, and of runs that were missed."""

from collections.abc import Iterable

from tocsin.core.machine import Subject
from tocsin.shell.announce import Announcer
from tocsin.shell.history.looked import look


def tell_before_run(announcer: Announcer, subjects: Iterable[Subject]) -> None:
    """Announce what runs under the labels of these subjects left, and the missed runs of any label. Its log lists neither."""
    if announcer.remember is None and not look().anything:
        return
    announcer.tell_left(subjects)
    if look().check_is_due:
        from tocsin.shell.absence import check_at_run  # loaded by few

        check_at_run(announcer.log)
