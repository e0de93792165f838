"""Where secrets come from, and what they come as: values that never show.

A secret is looked for, each time it is needed, in: the mapping given, the environment variable of its name, the file that the
variable NAME_FILE names (as Docker and Kubernetes hand secrets in), the user's own file ``secrets.toml``, and the keyring if
that is switched on. The first place that has one counts; white space around it is dropped, and an empty one is none.
"""

import os
import re
from collections.abc import Callable, Mapping
from typing import Never, final

from typing_extensions import override

from tocsin.core.outcomes import Rejected
from tocsin.shell.adapters import redaction

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,99}")
_NO_NAME = "[not a name]"
_SERVICE = "tocsin"


@final
class Secret:
    """A value that never shows: not in a repr, not in a format, not in a pickle. ``name`` is what it is called."""

    __slots__ = ("_value", "name")

    def __init__(self, name: str, value: str) -> None:
        redaction.remember(name, value)
        self.name: str = name
        self._value = value

    def reveal(self) -> str:
        """The value. Keep it in an expression, not in a variable."""
        return self._value

    @override
    def __repr__(self) -> str:
        return f"<secret {self.name}>"

    @override
    def __format__(self, format_spec: str) -> str:
        return repr(self)

    @override
    def __eq__(self, other: object) -> bool:
        return (self.name, self._value) == (other.name, other._value) if isinstance(other, Secret) else NotImplemented

    @override
    def __hash__(self) -> int:
        return hash(self.name)

    @override
    def __reduce__(self) -> Never:
        raise TypeError(f"the secret {self.name!r} is not pickled: another process finds it by its name")


@final
class Secrets:
    """Finds secrets by name.

    Args:
        explicit: values by name, looked at before any other place. Secrets with values of their own do not pickle.
        keyring: look into the system's keyring too, as the last place (needs the extra ``tocsin[keyring]``).
    """

    __slots__ = ("_explicit", "_keyring")

    def __init__(self, explicit: Mapping[str, str] | None = None, *, keyring: bool = False) -> None:
        self._explicit: Mapping[str, str] = {} if explicit is None else explicit
        self._keyring = keyring

    def find(self, name: str) -> Secret | Rejected:
        """The secret called ``name``; Rejected, with all that may be done about it, where there is none to be read."""
        if not _NAME.fullmatch(name):
            return Rejected("a secret's name is like SLACK_WEBHOOK_URL; what was given (the secret itself?) is not", _NO_NAME)
        return redaction.contained(lambda: self._find(name))

    def _find(self, name: str) -> Secret | Rejected:
        for place in (self._given, _environment, _named_file, _own_file, self._ring):
            found = place(name)
            if isinstance(found, Rejected):
                return found
            if found is not None and found.strip():
                return Secret(name, found.strip())
        return Rejected(self._missing(name), name)

    def _given(self, name: str) -> str | Rejected | None:
        try:
            return self._explicit.get(name)
        except Exception as error:
            return Rejected(f"the mapping of secrets raised {type(error).__name__} for {name!r}", name)

    def _ring(self, name: str) -> str | Rejected | None:
        return _ring(name) if self._keyring else None

    def _missing(self, name: str) -> str:
        from tocsin.shell.adapters.secret_files import secrets_file

        places = f"set the environment variable {name} (or {name}_FILE), or add it to {secrets_file()}"
        ring = f", or to the keyring: keyring set {_SERVICE} {name}" if self._keyring else ""
        return f"the secret {name!r} is not set: {places}{ring}"

    @override
    def __repr__(self) -> str:
        explicit = "".join(f"{name!r}: ..., " for name in self._explicit).removesuffix(", ")
        return f"Secrets({{{explicit}}}, keyring={self._keyring})"

    @override
    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secrets):
            return NotImplemented
        return (self._explicit, self._keyring) == (other._explicit, other._keyring)

    @override
    def __hash__(self) -> int:
        return hash((frozenset(self._explicit), self._keyring))

    @override
    def __reduce__(self) -> tuple[Callable[[bool], "Secrets"], tuple[bool]]:
        if self._explicit:
            raise TypeError("Secrets that hold values are not pickled: use the environment or a file instead")
        return _without_values, (self._keyring,)


def _without_values(keyring: bool) -> Secrets:  # noqa: FBT001 - pickle passes it by position
    return Secrets(keyring=keyring)


def _environment(name: str) -> str | None:
    return os.environ.get(name)


def _named_file(name: str) -> str | Rejected | None:
    path = os.environ.get(f"{name}_FILE")
    if not path:
        return None
    from pathlib import Path  # files are looked for seldom, and what reads them is slow to load

    from tocsin.shell.adapters.secret_files import read_file

    # the path is not repeated: some put the secret itself there by mistake
    return read_file(Path(path), name, f"the file that {name}_FILE names")


def _own_file(name: str) -> str | Rejected | None:
    from tocsin.shell.adapters.secret_files import read_toml, secrets_file

    return read_toml(secrets_file(), name)


def _ring(name: str) -> str | Rejected | None:
    try:
        import keyring

        return keyring.get_password(_SERVICE, name)
    except ImportError:
        return Rejected(f"the keyring is to hold {name!r}, but is not installed: pip install 'tocsin[keyring]'", name)
    except Exception as error:
        return Rejected(f"the keyring failed to give {name!r} ({type(error).__name__})", name)
