"""What is wrong with a file or a variable, in one line: where, what, and what to write instead.

No value is repeated: it may be a secret that stands where it should not. Nor is a key that could be one.

The known word that is nearest to one that nobody knows.

What looks like a secret, where none may stand: a configuration file is shown, shared, and committed.

And what is called as secrets are: a project's file names no other variable, since what it names is kept from commands and messages.
"""

import re
from collections.abc import Iterable, Iterator

import attrs

from tocsin.core.messages.text import one_line
from tocsin.core.validation import is_list, is_table
from tocsin.core.values import Value

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,39}")
_WORD = re.compile(r"[a-z]{16}|xox[a-z]-.*|.*[A-Z0-9]{12}.*", re.DOTALL)  # an app password, a token


@attrs.frozen(eq=False, repr=False)
class Problem(Value):
    """A file, or an environment variable, that cannot be used as it is.

    Args:
        where: ``FILE:LINE``, ``FILE``, or the variable.
        what: what is wrong; with the key before it, where one is at fault.
        write: what to write, or to do.

    >>> print(Problem("tocsin.toml:3", "slack.dedline: no such key", "did you mean slack.deadline?"))
    tocsin.toml:3: slack.dedline: no such key; did you mean slack.deadline?
    """

    where: str
    what: str
    write: str

    def __str__(self) -> str:
        return one_line(f"{self.where}: {self.what}; {self.write}")


def named(path: tuple[str, ...]) -> str:
    """A key that somebody wrote, where it may be shown: short, plain, and like no secret.

    >>> named(("slack", "dedline")), named(("https://hooks.slack.com/services/x",))
    ('slack.dedline', '[a key]')
    """
    shown = all(_PLAIN.fullmatch(part) and not _WORD.fullmatch(part) for part in path)
    return ".".join(path) if shown else "[a key]"


_LONGEST = 60  # characters looked at: the comparison takes time with the square of them


def closest(word: str, known: Iterable[str], alike: float = 0.5) -> str | None:
    """The known word most like ``word``, whatever its case; None where none is alike enough, from 0, not at all, to 1, the same.

    >>> closest("faild", ["Failed", "Finished"]), closest("x", ["Failed"])
    ('Failed', None)
    """
    from difflib import get_close_matches  # needed for mistakes alone, and slow to load

    by_fold = {each.casefold(): each for each in known}
    near = get_close_matches(word[:_LONGEST].casefold(), by_fold, 1, alike)
    return by_fold[near[0]] if near else None


def hint(word: str, known: Iterable[str]) -> str:
    """What to write in place of ``word``: the nearest, or one of all.

    >>> hint("slak", ["slack", "gmail"]), hint("x", ["slack", "gmail"])
    ('did you mean slack?', 'write one of slack, gmail')
    """
    words = tuple(known)
    near = closest(word, words)
    return f"write one of {', '.join(words)}" if near is None else f"did you mean {near}?"


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


def named_like_secrets(value: object) -> bool:
    """Whether each text in the value is such a name as secrets have.

    >>> named_like_secrets(["TEAM_WEBHOOK", "DATABASE_PASSWORD"]), named_like_secrets(["TEAM_WEBHOOK", "PATH"])
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
