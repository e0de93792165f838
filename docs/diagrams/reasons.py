"""The table of the reasons that a delivery can give: those that a test saw, each with its cause and its remedy."""

import re
from collections.abc import Iterator

from docs.diagrams.markdown import table
from tests.golden.golden_reasons import Reason, kept, title
from tests.servers.authority import NAMES
from tests.shell.adapters.hostile import ROWS

_AGAIN = {"Retryable": "yes", "Rejected": "no", "DestinationDead": "no", "Ambiguous": "once, if it reports a failure"}
_HOST = re.compile("|".join(re.escape(name) for name in NAMES))
_PORT = re.compile(r"port \d+")


def reasons_table() -> str:
    """Every reason, in Markdown; those that differ in the host alone are one."""
    causes: dict[tuple[str, ...], dict[str, None]] = {}
    for cause, reason in _seen():
        said = (_marked(reason["what"]), f"`{reason['outcome']}`", _AGAIN[reason["outcome"]], _plain(reason["remedy"]))
        causes.setdefault(said, {})[cause] = None
    rows = ((what, "; ".join(why), outcome, again, remedy) for (what, outcome, again, remedy), why in causes.items())
    return table(("Reason", "Cause", "Outcome", "Is it tried again?", "Remedy"), rows)


def _seen() -> Iterator[tuple[str, Reason]]:
    """Yield the causes with their reasons: first what servers do, then what is wrong on this machine."""
    reasons = kept()
    for row in ROWS:
        for what in row.servers:
            known = reasons.pop(title(row, what), None)
            if known is not None:
                yield _plain(f"{_subject(row.channel)} {row.does} {what}"), known
    yield from reasons.items()


def _subject(channel: str) -> str:
    return {"Google's tokens": "Google's token endpoint", "A proxy to Slack": "a proxy", "Another mail server": "a mail server"}.get(
        channel, channel
    )


def _marked(text: str) -> str:
    return f"`{_plain(text, escaped=False)}`"


def _plain(text: str, *, escaped: bool = True) -> str:
    """Return the text for a cell of a table, with a word in place of each host and port."""
    cell = _PORT.sub("port PORT", _HOST.sub("HOST", text)).replace("|", "\\|")
    return cell.replace("<", "&lt;").replace("@", "&#64;") if escaped else cell
