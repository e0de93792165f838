"""Finds secrets by name, and wraps their values so that they are never shown.

- A secret is looked up each time it is needed, in this order: the given mapping; the environment variable of its name; the file that
  the variable NAME_FILE names (the convention of Docker and Kubernetes); the user's ``secrets.toml``; the keyring, if enabled.
- The first source that has a value wins. White space around a value is removed, and an empty value counts as missing.
- ``make_known`` reads the sources for the redaction alone, before a text is made of which a secret may be part. It reads no keyring,
  which may ask the user for a password, and reports no error: who needs the secret itself reports that.
"""

import os
import re
import weakref
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from typing import Never, final

from typing_extensions import override

from tocsin.core.outcomes import Rejected
from tocsin.shell import redaction

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,99}")
_NO_NAME = "[not a name]"
_SERVICE = "tocsin"


@final
class Secret:
    """A named value that never appears in ``repr``, ``format`` or a pickle."""

    __slots__ = ("_value", "name")

    def __init__(self, name: str, value: str) -> None:
        redaction.remember(name, value)
        self.name: str = name
        self._value = value

    def reveal(self) -> str:
        """Return the value. Use it in an expression; do not store it in a variable."""
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
        explicit: values by name, looked up before any other source. Secrets with explicit values cannot be pickled.
        keyring: whether to look up the system's keyring as the last source (needs the extra ``tocsin[keyring]``).
    """

    __slots__ = ("__weakref__", "_explicit", "_keyring")

    def __init__(self, explicit: Mapping[str, str] | None = None, *, keyring: bool = False) -> None:
        self._explicit: Mapping[str, str] = {} if explicit is None else explicit
        self._keyring = keyring
        if explicit is not None:
            redaction.before_next_text(partial(Secrets._make_known, weakref.ref(self)))

    @staticmethod
    def _make_known(source: "weakref.ref[Secrets]") -> None:
        """Register all values of an explicit mapping. A user's own mapping may raise anything."""
        secrets = source()
        with suppress(Exception):
            for name, value in () if secrets is None else secrets._explicit.items():
                _register(name, value)

    def find(self, name: str) -> Secret | Rejected:
        """Return the secret called ``name``, or Rejected with the ways to set it."""
        if not _NAME.fullmatch(name):
            return Rejected("a secret's name is like SLACK_WEBHOOK_URL; what was given (the secret itself?) is not", _NO_NAME)
        return redaction.contained(lambda: self._find(name))

    def _find(self, name: str) -> Secret | Rejected:
        for source in (self._from_mapping, _from_environment, _from_named_file, _from_user_file, self._from_keyring):
            found = source(name)
            if isinstance(found, Rejected):
                return found
            if found is not None and found.strip():
                return Secret(name, found.strip())
        return Rejected(self._missing(name), name)

    def _from_mapping(self, name: str) -> str | Rejected | None:
        try:
            return self._explicit.get(name)
        except Exception as error:
            return Rejected(f"the mapping of secrets raised {type(error).__name__} for {name!r}", name)

    def _from_keyring(self, name: str) -> str | Rejected | None:
        return _from_keyring(name) if self._keyring else None

    def _missing(self, name: str) -> str:
        from tocsin.shell.adapters.secret_files import secrets_file

        own = secrets_file()
        places = f"set the environment variable {name} (or {name}_FILE){'' if own is None else f', or add it to {own}'}"
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
    def __reduce__(self) -> tuple[Callable[[], "Secrets"], tuple[()]]:
        if self._explicit:
            raise TypeError("Secrets that hold values are not pickled: use the environment or a file instead")
        return partial(Secrets, keyring=self._keyring), ()


def _from_environment(name: str) -> str | None:
    return os.environ.get(name)


def _from_named_file(name: str) -> str | Rejected | None:
    path = os.environ.get(f"{name}_FILE")
    if not path:
        return None
    from pathlib import Path  # slow to import, and seldom needed

    from tocsin.shell.adapters.secret_files import read_file

    # the message does not quote the path: some users put the secret itself there by mistake
    return read_file(Path(path), name, f"the file that {name}_FILE names")


def _from_user_file(name: str) -> str | Rejected | None:
    from tocsin.shell.adapters.secret_files import read_user_file

    return read_user_file(name)


def _from_keyring(name: str) -> str | Rejected | None:
    try:
        import keyring

        return keyring.get_password(_SERVICE, name)
    except ImportError:
        return Rejected(f"the keyring is to hold {name!r}, but is not installed: pip install 'tocsin[keyring]'", name)
    except Exception as error:
        return Rejected(f"the keyring failed to give {name!r} ({type(error).__name__})", name)


_read: dict[str, tuple[str | None, str | None, int]] = {}
"""The variable NAME, the variable NAME_FILE, and the time of that file, as they were when ``make_known`` read the secret."""


def make_known(names: Iterable[str]) -> None:
    """Register the values of these secrets for the redaction, from the environment and from files. Raises nothing.

    A secret is read again when its variable, or the variable that names its file, or that file has changed.
    """
    for name in names:
        path, changed = os.environ.get(f"{name}_FILE"), 0
        if path:
            with suppress(OSError, ValueError):
                changed = os.stat(path).st_mtime_ns  # noqa: PTH116 - this runs for each message, and os.stat is faster
        seen = os.environ.get(name), path, changed
        if _read.get(name) != seen:
            redaction.contained(partial(_make_one_known, name))
            _read[name] = seen


def _make_one_known(name: str) -> None:
    for source in (_from_environment, _from_named_file, _from_user_file):
        with suppress(Exception):
            value = source(name)
            if isinstance(value, str):
                _register(name, value)


def _register(name: str, value: str) -> None:
    if value.strip():
        redaction.remember(name, value.strip())
