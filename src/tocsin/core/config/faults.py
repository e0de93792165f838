"""What is wrong with a file or a variable, in one line: where, what, and what to write instead.

No value is repeated: it may be a secret that stands where it should not. Nor is a key that could be one.
"""

import re

import attrs

from tocsin.core.messages.text import one_line
from tocsin.core.values import Value

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,39}")
_WORD = re.compile(r"[a-z]{16}|xox[a-z]-.*|.*[A-Z0-9]{12}.*", re.DOTALL)  # an app password, a token


@attrs.frozen(eq=False, repr=False)
class Fault(Value):
    """A file, or an environment variable, that cannot be used as it is.

    Args:
        where: ``FILE:LINE``, ``FILE``, or the variable.
        what: what is wrong; with the key before it, where one is at fault.
        write: what to write, or to do.

    >>> print(Fault("tocsin.toml:3", "slack.dedline: no such key", "did you mean slack.deadline?"))
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
