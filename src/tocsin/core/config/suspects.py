"""What looks like a secret, where none may stand: a configuration file is shown, shared, and committed.

And what is called as secrets are: a project's file names no other variable, since what it names is kept from commands and messages.
"""

import re
from collections.abc import Iterator

from tocsin.core.shapes import is_list, is_table

_VALUE = re.compile(
    r"hooks\.slack(?:-gov)?\.com(?::\d+)?/\w+/\w"  # a webhook
    r"|/services/T\w+/B\w+/\w"
    r"|\bxox[a-z]-\w"  # a token of Slack's
    r"|\A[a-z]{4}(?: [a-z]{4}){3}\Z"  # an app password, as Google shows it
)
_KEY = re.compile(
    r"passw|passphrase|token|credential|webhook[_-]?url|api[_-]?key|private[_-]?key|(?:^|[_-])secret$|^email_username$", re.IGNORECASE
)
_NAME = re.compile(
    r"secret|token|passw|passphrase|credential|hook|slack|api[_-]?key|[_-](?:key|pass|pwd|pat|dsn|ur[il])$", re.IGNORECASE
)

WHERE = "put it into the environment variable of its name, or into secrets.toml in your own configuration folder, and name it here"


def suspicious_line(text: str) -> int | None:
    """The first line, from 1, that holds what looks like a secret, in a comment too; None where there is none."""
    found = _VALUE.search(text)
    return None if found is None else text.count("\n", 0, found.start()) + 1


def suspicious_value(value: object) -> bool:
    """Whether a text in the value, however deep, looks like a secret.

    >>> suspicious_value(["https://hooks.slack.com/services/T0/B0/x"])
    True
    """
    return any(_VALUE.search(text) for text in _texts(value))


def suspicious_key(name: str) -> bool:
    """Whether a key is called as secrets are.

    >>> suspicious_key("SLACK_WEBHOOK_URL"), suspicious_key("password"), suspicious_key("deadline")
    (True, True, False)
    """
    return _KEY.search(name[:200]) is not None


def called_as_secrets(value: object) -> bool:
    """Whether each text in the value is such a name as secrets have.

    >>> called_as_secrets(["TEAM_WEBHOOK", "DATABASE_PASSWORD"]), called_as_secrets(["TEAM_WEBHOOK", "PATH"])
    (True, False)
    """
    return all(_NAME.search(text) for text in _texts(value))


def _texts(value: object) -> Iterator[str]:
    """All texts in it; those inside are kept on a list, since nesting may be deeper than Python calls."""
    left = [value]
    while left:
        each = left.pop()
        if isinstance(each, str):
            yield each
        elif is_list(each):
            left += each
        elif is_table(each):
            left += (*each, *each.values())
