"""Pings a health-check (dead man's switch) service: one request per state, with the TLS and deadlines of the Slack adapter."""

from typing import TYPE_CHECKING

import attrs

from tocsin.core.changes import Tracked
from tocsin.core.outcomes import DeliveryError, Receipt, Rejected
from tocsin.core.services.healthchecks import MAX_BODY, Report, body_limit, ping_body, ping_fault
from tocsin.core.states import Running, State
from tocsin.shell import log, redaction
from tocsin.shell.adapters.secrets import Secret
from tocsin.shell.adapters.settings import HttpSettings
from tocsin.shell.fork_safety import PerProcess

if TYPE_CHECKING:
    from tocsin.shell.adapters.http import Transport


class PingFailed(log.Worded):
    """A ping failed. The message says why, and does not contain the URL."""

    __module__ = "tocsin.errors"  # where users find it


@attrs.define(repr=False, eq=False)
class Ping:
    """A state handler that reports a run to a service, by requests to its URL with a suffix; see ``core.services.healthchecks``.

    Args:
        url: the service's URL for this job. It is a secret: it lets its holder report for the job.
        settings: the time limits, proxies and trusted certificates.
        status: the exit status, from the end of the run on; None without one.
        tail: the end of the output, redacted, from the end of the run on; empty if it is not wanted.
    """

    url: Secret
    settings: HttpSettings
    status: int | None = None
    tail: str = ""
    _limit: int = attrs.field(init=False, default=MAX_BODY)
    _failure: str | None = attrs.field(init=False, default=None)
    _kept: "PerProcess[Transport]" = attrs.field(init=False, factory=PerProcess["Transport"])

    def __call__(self, tracked_obj: Tracked, state: State) -> None:  # noqa: ARG002 - the URL says which job it is
        """Report the state to the service. Raises PingFailed. The log has a reason once, if the next state meets it, too."""
        outcome = redaction.clean(redaction.contained(lambda: self._ping(state)))
        if isinstance(outcome, DeliveryError):
            before, self._failure = self._failure, outcome.reason
            raise PingFailed(outcome.reason, is_logged=outcome.reason == before)

    def _ping(self, state: State) -> Receipt | DeliveryError:
        redaction.guard_logs()
        fault = ping_fault(self.url.reveal())
        if fault is not None:
            return Rejected(f"the URL to ping is refused: {fault}")
        from tocsin.shell.adapters import http

        body = b"" if isinstance(state, Running) else ping_body(self.tail, self._limit)
        return http.ping(self.settings, self._kept, self.url, Report(state, self.status, body), self._note_limit)

    def _note_limit(self, header: str | None) -> None:
        self._limit = body_limit(header)

    def __repr__(self) -> str:
        return "the dead-man service"
