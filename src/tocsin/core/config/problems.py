"""What is wrong with a file or a variable, in one line: where, what, and what to write instead.

- No value is repeated, since it may be a misplaced secret. Nor is a key that could be one.
- Texts that look like a secret are found here, because a configuration file is shown, shared and committed.
- A project's file may only name variables whose names are secrets' by ``core.secrets``, since a variable that it names is kept from
  commands and messages.
"""

import re
from collections.abc import Iterable, Iterator

import attrs

from tocsin.core.secrets import is_secret_name
from tocsin.core.text import one_line
from tocsin.core.validation import is_list, is_table
from tocsin.core.values import Value

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,39}")
_SECRET_WORD = re.compile(r"[a-z]{16}|xox[a-z]-.*|.*[A-Z0-9]{12}.*", re.DOTALL)  # an app password, a token
_MOST_COMPARED = 60  # characters compared: the time grows with their square

_SECRET_TEXT = re.compile(
    r"hooks\.slack(?:-gov)?\.com(?::\d+)?/\w+/\w"  # a webhook
    r"|/services/T\w+/B\w+/\w"
    r"|\bxox[a-z]-\w"  # a token of Slack's
    r"|\A[a-z]{4}(?: [a-z]{4}){3}\Z"  # an app password, as Google shows it
)
_SECRET_KEY = re.compile(
    r"passw|passphrase|token|credential|webhook[_-]?url|api[_-]?key|private[_-]?key|(?:^|[_-])secret$|^email_username$", re.IGNORECASE
)

SUSPICIOUS = "this looks like a secret"
REMEDY = "put it into the environment variable of its name, or into secrets.toml in your own configuration folder, and name it here"


@attrs.frozen(eq=False, repr=False)
class Problem(Value):
    """A file, or an environment variable, that cannot be used as it is.

    Args:
        where: ``FILE:LINE``, ``FILE``, or the variable.
        what: what is wrong, after the name of the key if it concerns one.
        write: what to write or to do.

    >>> print(Problem("tocsin.toml:3", "slack.dedline: no such key", "did you mean slack.deadline?"))
    tocsin.toml:3: slack.dedline: no such key; did you mean slack.deadline?
    """

    where: str
    what: str
    write: str

    def __str__(self) -> str:
        return one_line(f"{self.where}: {self.what}; {self.write}")


def shown_key(path: tuple[str, ...]) -> str:
    """Return a key from a file if it may be shown: if it is short, plain and unlike a secret.

    >>> shown_key(("slack", "dedline")), shown_key(("https://hooks.slack.com/services/x",))
    ('slack.dedline', '[a key]')
    """
    shown = all(_PLAIN_KEY.fullmatch(part) and not _SECRET_WORD.fullmatch(part) for part in path)
    return ".".join(path) if shown else "[a key]"


def closest(word: str, known: Iterable[str], alike: float = 0.5) -> str | None:
    """Return the known word most like ``word``, ignoring case; None if the best similarity is below ``alike`` (from 0 to 1, the same).

    >>> closest("faild", ["Failed", "Finished"]), closest("x", ["Failed"])
    ('Failed', None)
    """
    from difflib import get_close_matches  # needed for mistakes alone, and slow to load

    by_fold = {each.casefold(): each for each in known}
    near = get_close_matches(word[:_MOST_COMPARED].casefold(), by_fold, 1, alike)
    return by_fold[near[0]] if near else None


def hint(word: str, known: Iterable[str]) -> str:
    """Return what to write in place of ``word``: the closest known word, or a list of all.

    >>> hint("slak", ["slack", "gmail"]), hint("x", ["slack", "gmail"])
    ('did you mean slack?', 'write one of slack, gmail')
    """
    words = tuple(known)
    near = closest(word, words)
    return f"write one of {', '.join(words)}" if near is None else f"did you mean {near}?"


def suspicious_lines(text: str) -> tuple[int, ...]:
    """Return the 1-based numbers of the lines with what looks like a secret, comments included."""
    return tuple(number for number, line in enumerate(text.split("\n"), 1) if _SECRET_TEXT.search(line))


def suspicious_value(value: object) -> bool:
    """Return whether a text in the value, at any depth, looks like a secret.

    >>> suspicious_value(["https://hooks.slack.com/services/T0/B0/x"])
    True
    """
    return any(_SECRET_TEXT.search(text) for text in _texts(value))


def suspicious_key(name: str) -> bool:
    """Return whether a key has a name like a secret's.

    >>> suspicious_key("SLACK_WEBHOOK_URL"), suspicious_key("password"), suspicious_key("deadline")
    (True, True, False)
    """
    return _SECRET_KEY.search(name[:200]) is not None


def named_like_secrets(value: object) -> bool:
    """Return whether each text in the value is a name like a secret's.

    >>> named_like_secrets(["TEAM_WEBHOOK", "DATABASE_PASSWORD"]), named_like_secrets(["TEAM_WEBHOOK", "PATH"])
    (True, False)
    """
    return all(is_secret_name(text) for text in _texts(value))


def _texts(value: object) -> Iterator[str]:
    """Yield all texts in a value. Inner values are kept on a list, since nesting may exceed Python's recursion limit."""
    left = [value]
    while left:
        each = left.pop()
        if isinstance(each, str):
            yield each
        elif is_list(each):
            left += each
        elif is_table(each):
            left += (*each, *each.values())
