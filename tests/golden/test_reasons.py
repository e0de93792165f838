"""The table of reasons: each reason that the adapters can give is in it, and what is wrong on this machine gives its row."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.golden.golden_reasons import kept, local, title
from tests.shell.adapters.hostile import ROWS
from tests.shell.adapters.hostile.local import LOCAL
from tocsin.core.outcomes import DeliveryError

SOURCE = Path(__file__).parents[2] / "src" / "tocsin"
FILES = (
    *(f"core/services/{name}.py" for name in ("connection", "google", "slack_api")),
    *(
        f"shell/adapters/{name}.py"
        for name in ("http", "google_token_client", "mail_gmail", "mail_smtp", "slack_app", "slack_webhook", "tls")
    ),
)
ERRORS = {"Retryable", "Rejected", "DestinationDead", "Ambiguous"}
_SENT = "(?:, after the message went out: it may have arrived)?"
ELSEWHERE = {
    "other mails kept the connection to ": "two threads, in test_time_limits.py",
    "the message of the same run before it is still on its way to Slack": "two threads, in test_slack_app.py",
    "to post to Slack as an app needs the extra: pip install 'tocsin[slack-bot]'": "without the extra, in test_slack_app.py",
    "the TLS handshake with ": "a broken network, in test_connection.py",
    "the connection to ": "a broken network, in test_sockets.py",
    "no request to ": "a host name that is none, in test_time_limits.py",
    " refused the access token: ": "a token that Google gives and Gmail refuses, in test_google_tokens.py",
    "it gave no address for the bytes": "the upload of a file, which is a line in the log, in test_slack_files.py",
    "the address that it gave for the bytes is refused: ": "likewise",
    " did not take the bytes (HTTP ": "likewise",
    "cannot reach ": "a name that does not resolve, in test_time_limits.py",
}


def templates() -> Iterator[tuple[str, re.Pattern[str]]]:
    """Yield where the source makes an error, and the pattern of its reason."""
    for file in FILES:
        for node in ast.walk(ast.parse((SOURCE / file).read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ERRORS and node.args:
                parts = _parts(node.args[0])
                if any(parts):
                    yield f"{file}:{node.lineno}", re.compile(f"{'.*?'.join(re.escape(part) for part in parts)}{_SENT}", re.DOTALL)


def _parts(text: ast.expr) -> list[str]:
    """Return the literal parts of a text, in order; between two of them stands a value."""
    if isinstance(text, ast.Constant):
        return [str(text.value)]
    if not isinstance(text, ast.JoinedStr):
        return []
    return ["" if isinstance(part, ast.FormattedValue) else str(ast.literal_eval(part)) for part in text.values]


REASONS = [reason["reason"] for reason in kept().values()]
TEMPLATES = [pytest.param(pattern, id=where) for where, pattern in templates()]


@pytest.mark.parametrize("pattern", TEMPLATES)
def test_each_reason_of_the_source_is_in_the_table(pattern: re.Pattern[str]) -> None:
    elsewhere = any(re.escape(begin) in pattern.pattern for begin in ELSEWHERE)
    assert elsewhere or any(pattern.fullmatch(reason) for reason in REASONS), pattern.pattern


def test_the_source_makes_as_many_reasons_as_were_looked_at() -> None:
    assert len(TEMPLATES) > 40


def test_the_table_has_no_reason_that_no_test_sees() -> None:
    assert set(kept()) <= {*LOCAL, *(title(row, what) for row in ROWS for what in row.servers)}


@pytest.mark.parametrize("cause", LOCAL)
def test_a_fault_on_this_machine_gives_its_reason(cause: str) -> None:
    secret, send = LOCAL[cause]
    outcome = send()
    assert isinstance(outcome, DeliveryError)
    assert local(outcome, secret) == kept()[cause], "run: python -m tests.golden.golden_reasons"
