"""Tells a dead-man service how a run goes: one GET, over the same verified TLS and within the same deadlines as all we send."""

from typing import TYPE_CHECKING

import attrs

from tocsin.core.changes import Tracked
from tocsin.core.delivery.destinations import https_fault
from tocsin.core.outcomes import DeliveryError, Receipt, Rejected
from tocsin.core.states import State
from tocsin.shell.adapters import redaction
from tocsin.shell.adapters.secrets import Secret
from tocsin.shell.adapters.slack_webhook import SlackWebhook
from tocsin.shell.fork_safety import PerProcess

if TYPE_CHECKING:
    from tocsin.shell.adapters.http import Transport


class PingFailed(Exception):
    """The service could not be told; the message says why, and does not hold its URL."""


def _kept() -> "PerProcess[Transport]":
    return PerProcess()


@attrs.frozen(repr=False)
class Ping:
    """Calls the URL of a service: with ``/start`` behind it, with nothing, or with ``/fail``.

    Args:
        url: the service's URL for this job. Whoever knows it can speak for the job, so it is a secret.
        network: how to reach it: the time-outs, the proxies and the trusted certificates are those for Slack.
    """

    url: Secret
    network: SlackWebhook
    _kept: "PerProcess[Transport]" = attrs.field(init=False, factory=_kept, eq=False)

    def __call__(self, tracked_obj: Tracked, state: State) -> None:  # noqa: ARG002 - the URL says which job it is
        """Tell the service of the state. Raises PingFailed."""
        outcome = redaction.clean(redaction.contained(lambda: self._ping(state)))
        if isinstance(outcome, DeliveryError):
            raise PingFailed(outcome.reason)

    def _ping(self, state: State) -> Receipt | DeliveryError:
        redaction.guard_logs()
        fault = https_fault(self.url.reveal())
        if fault is not None:
            return Rejected(f"the URL to ping is refused: {fault}")
        from tocsin.shell.adapters import http

        return http.ping(self.network, self._kept, self.url, state)

    def __repr__(self) -> str:
        return "ping"
