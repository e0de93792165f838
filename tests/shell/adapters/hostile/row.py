"""A row of the table of hostile servers."""

from collections.abc import Mapping
from typing import Literal

import attrs

from tests.servers.hostile import Prepare
from tocsin.core.outcomes import Delivered, DeliveryError

Channel = Literal["Slack", "Slack app", "Gmail", "Another mail server", "Google's tokens", "A proxy to Slack"]


@attrs.frozen
class Row:
    """Servers with the same fault, and the expected outcome.

    Args:
        channel: the service that they stand in for.
        does: what they do, in words.
        outcome: the type of the outcome.
        servers: the servers, by the rest of the sentence that ``does`` begins.
        after: the retry delay of the outcome in seconds, if it has one.
        proxy: the scheme of the proxy that the server stands in for, if it is one.
        strains: the resource under test: time; memory; size, a message too big for the buffers of the system.
    """

    channel: Channel
    does: str
    outcome: type[Delivered | DeliveryError]
    servers: Mapping[str, Prepare]
    after: float | None = None
    proxy: Literal["", "http", "https"] = ""
    strains: Literal["", "time", "memory", "size"] = ""
