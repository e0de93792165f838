"""A file's text as a layer, or the one fault that is met first.

It is total: any text or bytes give one or the other, in a bounded time. What looks like a secret is refused before all else, and
nothing of a value is ever repeated.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping

from tocsin.core.config.faults import Fault, named
from tocsin.core.config.keys import KEYS, SECRETS_NAMES, SECTIONS, SLACK_TOKEN_SECRET, SLACK_WEBHOOK_SECRET, Key
from tocsin.core.config.layers import Layer, Setting, checked
from tocsin.core.config.lines import line_of
from tocsin.core.config.nearest import nearest
from tocsin.core.config.suspects import WHERE, called_as_secrets, suspicious_key, suspicious_line, suspicious_value
from tocsin.core.shapes import is_table

LONGEST = 1 << 16  # bytes of a file
_WIDEST = 4000  # characters of a line: tomllib takes time with the square of a key's dots
_LINE = re.compile(r"at line (\d+)")
_Entry = tuple[tuple[str, ...], object]


def parse(content: str | bytes, file: str, *, project: bool) -> Layer | Fault:
    """What a file sets, with ``FILE:LINE`` as the origin of each value; or what is wrong with it.

    Args:
        content: all of the file.
        file: what it is called.
        project: whether it belongs to a project, and may not set all.

    >>> parse('only = ["Failed"]', "tocsin.toml", project=True)
    Layer(settings={'only': Setting(origin='tocsin.toml:1')})
    >>> print(parse('[slack]\\ndedline = 3', "tocsin.toml", project=True))
    tocsin.toml:2: slack.dedline: there is no such key; did you mean slack.deadline?
    """
    text = _decoded(content, file)
    if isinstance(text, Fault):
        return text
    if (line := suspicious_line(text)) is not None:
        return Fault(f"{file}:{line}", "this looks like a secret", WHERE)
    try:
        tables: dict[str, object] = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        return _malformed(text, file, str(error))
    return _layer(tables, text, file, project=project)


def _decoded(content: str | bytes, file: str) -> str | Fault:
    try:
        text = content.decode("utf-8-sig") if isinstance(content, bytes) else content
    except UnicodeDecodeError:
        return Fault(file, "this is not a text in UTF-8", "save it as UTF-8")
    if len(content) > LONGEST or any(len(line) > _WIDEST for line in text.split("\n")):
        return Fault(file, "this is longer than 64 KiB, or has a line of more than 4,000 characters", "shorten it")
    return text


def _malformed(text: str, file: str, said: str) -> Fault:
    """What ``tomllib`` says may quote the file: all but the line is left out."""
    line = _LINE.search(said)
    last = text.rstrip().count("\n") + 1
    return Fault(f"{file}:{line[1] if line else last}", "this is not TOML", 'write key = "value", and [slack] before the keys of Slack')


def _layer(tables: Mapping[str, object], text: str, file: str, *, project: bool) -> Layer | Fault:
    settings: dict[str, Setting] = {}
    for path, value in _entries(tables):
        where = f"{file}:{line_of(text, path)}"
        fault = _fault(path, value, where, project=project)
        if fault is not None:
            return fault
        settings[".".join(path)] = Setting(value, where)
    return Layer(settings)


def _entries(tables: Mapping[str, object]) -> Iterator[_Entry]:
    """The keys with their values, those in our tables one by one."""
    for name, value in tables.items():
        if name in SECTIONS and is_table(value):
            yield from (((name, inner), each) for inner, each in value.items())
        else:
            yield (name,), value


def _fault(path: tuple[str, ...], value: object, where: str, *, project: bool) -> Fault | None:
    key = KEYS.get(".".join(path)) if all("." not in part for part in path) else None
    if suspicious_value([*path, value]) or (key is None and any(suspicious_key(name) for name in _names(path, value))):
        return Fault(where, "this looks like a secret", WHERE)
    if path[0] in SECTIONS and len(path) == 1:
        return Fault(where, f"{path[0]}: takes a table", f"write [{path[0]}] on a line, and its keys below it")
    if key is None:
        return Fault(where, f"{named(path)}: there is no such key", _instead(".".join(path)))
    if project and not key.shared:
        return Fault(where, f"{key.name}: a project's file may not set it", f"put it into your own tocsin.toml, or set {key.variable}")
    fault = checked(key, value, where)
    return _misnamed(key, value, where) if project and fault is None else fault


def _misnamed(key: Key[object], value: object, where: str) -> Fault | None:
    """The fault of a name of a secret that is called as secrets are not, such as PATH."""
    if key not in {SLACK_WEBHOOK_SECRET, SLACK_TOKEN_SECRET, SECRETS_NAMES} or called_as_secrets(value):
        return None
    remedy = f"call it like TEAM_WEBHOOK or DATABASE_PASSWORD, put it into your own tocsin.toml, or set {key.variable}"
    return Fault(where, f"{key.name}: a project's file may name only what is called as secrets are", remedy)


def _instead(name: str) -> str:
    near = nearest(name, (*KEYS, *SECTIONS))
    return "`tocsin config show` lists the keys" if near is None else f"did you mean {near}?"


def _names(path: tuple[str, ...], value: object) -> tuple[str, ...]:
    """What the key is called, and the keys just below it."""
    return (*path, *value) if is_table(value) else path
