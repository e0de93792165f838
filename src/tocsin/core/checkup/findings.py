"""What a check-up found: all is well there, or a fault with its remedy. No finding holds a secret."""

from collections.abc import Iterable

import attrs

from tocsin.core.config.faults import Fault
from tocsin.core.notifiers import Messenger
from tocsin.core.states import State
from tocsin.core.values import Value


@attrs.frozen(eq=False, repr=False)
class Finding(Value):
    """One thing that was looked at.

    Args:
        about: what it is called: a secret, a host, a file.
        what: what is so, in one line.
        remedy: what to do about it; None where nothing needs doing.
    """

    about: str
    what: str
    remedy: str | None = None

    @property
    def is_fault(self) -> bool:
        """Whether something needs doing: what is wrong is never said without its remedy."""
        return self.remedy is not None


def of_faults(faults: Iterable[Fault]) -> tuple[Finding, ...]:
    """The faults of configuration as findings."""
    return tuple(Finding(fault.where, fault.what, fault.write) for fault in faults)


def announces(notifier: Messenger, kind: type[State]) -> str:
    """Whether the notifier tells of a change into a state of this kind: "yes", "no", or "perhaps" where more decides than the kind.

    >>> from tocsin.core.notifiers import SlackNotifier
    >>> from tocsin.core.states import Failed, TimedOut, Running
    >>> notifier = SlackNotifier(only_states=[Failed])
    >>> announces(notifier, TimedOut), announces(notifier, Running)
    ('yes', 'no')
    """
    if not notifier.concerns(kind):
        return "no"
    return "yes" if notifier.filter.settles(kind) else "perhaps"
