"""What a row of the table of hostile servers is."""

from collections.abc import Mapping
from typing import Literal

import attrs

from tests.servers.hostile import Prepare
from tocsin.core.outcomes import Delivered, DeliveryError

Channel = Literal["Slack", "Gmail"]


@attrs.frozen
class Row:
    """Servers that do alike, and what is to come of it.

    Args:
        channel: what they stand in for.
        does: what they do, in words.
        outcome: the kind of the outcome.
        servers: the servers, by the rest of the sentence that ``does`` begins.
        after: in how many seconds the message is to be tried again, where the outcome says so.
        strains: what they try us with: our time; our memory; a message so big that the system does not take it by itself.
    """

    channel: Channel
    does: str
    outcome: type[Delivered | DeliveryError]
    servers: Mapping[str, Prepare]
    after: float | None = None
    strains: Literal["", "time", "memory", "size"] = ""
