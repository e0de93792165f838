"""What ``--notify`` chooses: the means by which a run's notifications are executed."""

from typing import ClassVar

import attrs
from returns.io import IOResult

from tocsin.cli.terminal import unheard
from tocsin.core.effects import Effect
from tocsin.core.outcomes import DeliveryError, Receipt, Shown, received
from tocsin.shell.inherited import override
from tocsin.shell.interpreters.dry_run import DryRun
from tocsin.shell.interpreters.protocol import Interpreter, Notify
from tocsin.shell.interpreters.reliable import reliable
from tocsin.shell.interpreters.silent import Silent


@attrs.frozen
class Printing:
    """A dry run on standard output, whose reader may leave."""

    notify: ClassVar[Notify] = "print"

    def __call__(self, effect: Effect, /) -> IOResult[Receipt, DeliveryError]:
        """Print the effect."""
        with unheard():
            DryRun()(effect)
        return received(Shown())


def chosen(notify: Notify) -> Interpreter:
    """The interpreter for a choice; what ``TOCSIN_NOTIFY`` asks of a live one comes before ``live``."""
    if notify == "none":
        return Silent()
    return Printing() if "print" in {notify, override()} else reliable()
