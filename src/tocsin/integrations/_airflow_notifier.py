"""A notifier of Airflow's that tells people as tocsin does. ``airflow_notifier`` makes one.

The module is private: where Airflow is not installed, nobody knows the type of its base.
"""

import asyncio
from collections.abc import Sequence
from copy import copy
from datetime import timedelta

from airflow.sdk import BaseNotifier  # pyright: ignore[reportMissingModuleSource] - only its types are here
from typing_extensions import override

from tocsin.core.integrations.foreign import ForeignRun
from tocsin.core.machine import StateHandler
from tocsin.core.text import describe, quote
from tocsin.integrations.airflow_teller import DELIVER_WITHIN, AirflowTeller, event_of
from tocsin.shell import log


class TocsinNotifier(BaseNotifier):
    """Tells people of what Airflow calls it for: a callback of a task, or of a DAG.

    Airflow renders a template by writing the text to the object. So each call renders a copy, and the template stays.
    """

    template_fields: Sequence[str] = ("message",)

    def __init__(
        self,
        *state_handlers: StateHandler[ForeignRun],
        message: str | None = None,
        no_end_after: timedelta | None = None,
        deliver_within: float = DELIVER_WITHIN,
    ) -> None:
        self.message = message
        self._teller = AirflowTeller(state_handlers, no_end_after, deliver_within)
        super().__init__()

    def __repr__(self) -> str:
        return f"<tocsin's notifier: {self._teller!r}>"

    @override
    def __call__(self, *args: object) -> None:
        """Tell people what the callback means; its argument is what Airflow gives it. Raise nothing but a KeyboardInterrupt."""
        context, rendered = args[0] if args else None, copy(self)
        try:
            rendered.message = None if self.message is None else self._rendered(context)
        except Exception as error:
            log.surely(f"the message {quote(self.message)} could not be rendered, and is left out: {describe(error)}")
            rendered.message = None
        rendered.notify(context)

    def _rendered(self, context: object) -> str | None:
        rendered = copy(self)
        try:
            rendered.render_template_fields(context)
        except AttributeError:  # to a callback of a DAG, ``dag.test()`` gives a copy of the DAG that has no templates
            rendered.render_template_fields(context, rendered.get_template_env())
        return rendered.message

    @override
    def notify(self, context: object) -> None:
        """Tell people what the callback means, with the message as it is."""
        self._teller.hear(event_of(context), context, self.message)

    @override
    async def async_notify(self, context: object) -> None:
        """Tell people in a thread, so that the event loop goes on."""
        await asyncio.to_thread(self.notify, context)
