"""Pings a health-check (dead man's switch) service: one GET per state, with the TLS and deadlines of the Slack adapter."""

from typing import TYPE_CHECKING

import attrs

from tocsin.core.changes import Tracked
from tocsin.core.delivery.destinations import https_fault
from tocsin.core.outcomes import DeliveryError, Receipt, Rejected
from tocsin.core.states import State
from tocsin.shell import redaction
from tocsin.shell.adapters.secrets import Secret
from tocsin.shell.adapters.settings import HttpSettings
from tocsin.shell.fork_safety import PerProcess

if TYPE_CHECKING:
    from tocsin.shell.adapters.http import Transport


class PingFailed(Exception):
    """A ping failed. The message says why, and does not contain the URL."""

    __module__ = "tocsin.errors"  # where users find it


@attrs.frozen(repr=False)
class Ping:
    """A state handler that calls the URL of a service, with ``/start``, ``/fail`` or nothing appended.

    Args:
        url: the service's URL for this job. It is a secret: it lets its holder report for the job.
        settings: the time limits, proxies and trusted certificates.
    """

    url: Secret
    settings: HttpSettings
    _kept: "PerProcess[Transport]" = attrs.field(init=False, factory=PerProcess["Transport"], eq=False)

    def __call__(self, tracked_obj: Tracked, state: State) -> None:  # noqa: ARG002 - the URL says which job it is
        """Report the state to the service. Raises PingFailed."""
        outcome = redaction.clean(redaction.contained(lambda: self._ping(state)))
        if isinstance(outcome, DeliveryError):
            raise PingFailed(outcome.reason)

    def _ping(self, state: State) -> Receipt | DeliveryError:
        redaction.guard_logs()
        fault = https_fault(self.url.reveal())
        if fault is not None:
            return Rejected(f"the URL to ping is refused: {fault}")
        from tocsin.shell.adapters import http

        return http.ping(self.settings, self._kept, self.url, state)

    def __repr__(self) -> str:
        return "ping"
