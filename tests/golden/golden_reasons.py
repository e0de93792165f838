"""The reason of each delivery to a hostile server, and its remedy, as they were seen: a golden file.

``python -m tests.golden.golden_reasons`` asks all servers, and writes it again. Read the difference before you commit it.
"""

import json
import tempfile
from pathlib import Path
from typing import TypedDict

from tests.servers.authority import Authority
from tests.shell.adapters.hostile import ROWS
from tests.shell.adapters.hostile.delivering import deliver, found, stable
from tests.shell.adapters.hostile.local import LOCAL
from tests.shell.adapters.hostile.row import Row
from tocsin.core.diagnosis import Finding, Seen, finding
from tocsin.core.outcomes import DeliveryError

FILE = Path(__file__).parent / "reasons.json"


class Reason(TypedDict):
    """A reason as a user reads it and its outcome, what ``tocsin check`` says of it, and what to do."""

    outcome: str
    reason: str
    what: str
    remedy: str


def title(row: Row, what: str) -> str:
    """Return what the server does, as one sentence."""
    return f"{row.channel} {row.does} {what}"


def seen(row: Row, error: DeliveryError, port: int) -> Reason:
    """Return the reason of an error, and its remedy."""
    return _reason(error, found(row, error), port)


def local(error: DeliveryError, secret: str) -> Reason:
    """Return the reason of an error before a connection was opened, and its remedy."""
    return _reason(error, finding(Seen(error, "hooks.slack.com", secret)), 0)


def _reason(error: DeliveryError, said: Finding, port: int) -> Reason:
    assert said.remedy is not None
    outcome = type(error).__name__
    return Reason(outcome=outcome, reason=stable(error.reason, port), what=stable(said.what, port), remedy=stable(said.remedy, port))


def kept() -> dict[str, Reason]:
    """Return the reasons by what the server does."""
    reasons: dict[str, Reason] = json.loads(FILE.read_text(encoding="utf-8"))
    return reasons


def _record() -> dict[str, Reason]:
    reasons: dict[str, Reason] = {}
    with tempfile.TemporaryDirectory() as folder:
        authority = Authority(Path(folder))
        for row in ROWS:
            for what, prepare in row.servers.items():
                with prepare(authority) as port:
                    outcome = deliver(row, port, authority)
                    if isinstance(outcome, DeliveryError):
                        reasons[title(row, what)] = seen(row, outcome, port)
    for cause, (secret, send) in LOCAL.items():
        outcome = send()
        assert isinstance(outcome, DeliveryError)
        reasons[cause] = local(outcome, secret)
    return reasons


if __name__ == "__main__":
    FILE.write_text(f"{json.dumps(_record(), indent=1, ensure_ascii=False)}\n", encoding="utf-8")
