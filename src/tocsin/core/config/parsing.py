"""Layers from files and from environment variables, and the line of a TOML text on which a key stands.

- A file is a layer or the first problem found in it. Any text or bytes give one or the other, in bounded time.
- An environment variable is ``TOCSIN_`` and the key's name in capitals. Commas separate the items of a list. An empty variable sets
  nothing.
- A variable that cannot be used is left out, with a problem, and the others count. A name almost like a key's is a typing mistake. Any
  other name may belong to another program.
- What looks like a secret is refused before anything else, since settings are shown. No problem repeats a value.
- ``tomllib`` reports no lines. So the text is cut into statements: a statement ends with its line, unless a bracket or a text in three
  quotes is open. ``tomllib`` itself reads the part of each statement before the first equals sign.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping

from tocsin.core.config.merging import Layer, Setting, checked
from tocsin.core.config.problems import (
    REMEDY,
    Problem,
    closest,
    named_like_secrets,
    shown_key,
    suspicious_key,
    suspicious_line,
    suspicious_value,
)
from tocsin.core.config.schema import KEYS, RENAMED, SECRETS_NAMES, SECTIONS, SLACK_TOKEN_SECRET, SLACK_WEBHOOK_SECRET, TABLE, ConfigKey
from tocsin.core.config.value_types import Invalid
from tocsin.core.text import is_quoted
from tocsin.core.validation import is_list, is_table

_PIECE = re.compile(
    r'"""(?:\\[\s\S]|[^\\])*?"{3,5}'  # texts, the longer quotes first
    r"|'''[\s\S]*?'{3,5}"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*'"
    r"|#[^\n]*"
    r"|[^\"'#\n\[\]{}=]+"
    r"|[\s\S]"
)
LONGEST = 1 << 16  # bytes of a file
_WIDEST = 4000  # characters of a line: tomllib's time grows with the square of a key's dots
_LINE = re.compile(r"at line (\d+)")
_Entry = tuple[tuple[str, ...], object]

_PREFIX = "TOCSIN_"
_QUOTED = ("it stands in quotation marks", "write it without them, which docker's --env-file would keep")
_OURS = frozenset({"TOCSIN_CONFIG", "TOCSIN_NOTIFY", "TOCSIN_STATE_DIR", *(key.variable for key in TABLE)})
_RENAMED = {f"{_PREFIX}{old.upper().replace('.', '_')}": key.variable for old, key in RENAMED.items()}
_ENDS = sorted(name.removeprefix(_PREFIX) for name in _OURS)


def line_of(text: str, path: tuple[str, ...]) -> int:
    """Return the 1-based line of the first statement that sets the key or a part of it; 1 if there is none.

    >>> line_of('[slack]\\n# soon\\ndeadline = 3', ("slack", "deadline"))
    3
    """
    table: tuple[str, ...] = ()
    for line, head in _statements(text.replace("\r\n", "\n")):
        is_header = head.startswith("[")
        here = _path(head) if is_header else (*table, *_path(f"{head}= 0"))
        if here[: len(path)] == path or (not is_header and path[: len(here)] == here):
            return line
        table = here if is_header else table
    return 1


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Yield the line on which each statement begins, and the statement up to its equals sign."""
    line, start, head, depth, is_named = 1, 1, "", 0, False
    for piece in _PIECE.findall(f"{text}\n"):
        if piece == "\n" and depth == 0:
            if head.strip():
                yield start, head.strip()
            head, is_named = "", False
        depth += (piece in {"[", "{"}) - (piece in {"]", "}"})
        is_named = is_named or (piece == "=" and depth == 0)
        if not is_named and not piece.startswith("#"):
            start = start if head.strip() else line
            head += piece
        line += piece.count("\n")


def _path(statement: str) -> tuple[str, ...]:
    """Return the keys of a header or an assignment, the outermost first."""
    found: list[str] = []
    inner: object = tomllib.loads(statement)
    while (inner := inner[0] if is_list(inner) else inner) and is_table(inner):
        key, inner = next(iter(inner.items()))
        found.append(key)
    return tuple(found)


def parse(content: str | bytes, file: str, *, project: bool) -> Layer | Problem:
    """Parse a file into a layer, with ``FILE:LINE`` as the origin of each value; or return the first problem.

    Args:
        content: the whole content of the file.
        file: the name of the file.
        project: whether the file belongs to a project, and so may not set every key.

    >>> parse('only = ["Failed"]', "tocsin.toml", project=True)
    Layer(settings={'only': Setting(origin='tocsin.toml:1')})
    >>> print(parse('[slack]\\ndedline = 3', "tocsin.toml", project=True))
    tocsin.toml:2: slack.dedline: there is no such key; did you mean slack.deadline?
    """
    text = _decoded(content, file)
    if isinstance(text, Problem):
        return text
    if (line := suspicious_line(text)) is not None:
        return Problem(f"{file}:{line}", "this looks like a secret", REMEDY)
    try:
        tables: dict[str, object] = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        return _malformed(text, file, str(error))
    return _layer(tables, text, file, project=project)


def _decoded(content: str | bytes, file: str) -> str | Problem:
    try:
        text = content.decode("utf-8-sig") if isinstance(content, bytes) else content
    except UnicodeDecodeError:
        return Problem(file, "this is not a text in UTF-8", "save it as UTF-8")
    if len(content) > LONGEST or any(len(line) > _WIDEST for line in text.split("\n")):
        return Problem(file, "this is longer than 64 KiB, or has a line of more than 4,000 characters", "shorten it")
    return text


def _malformed(text: str, file: str, message: str) -> Problem:
    """Return the problem of a file that is not TOML. Of ``tomllib``'s message only the line is kept: the rest may quote the file."""
    line = _LINE.search(message)
    last = text.rstrip().count("\n") + 1
    return Problem(
        f"{file}:{line[1] if line else last}", "this is not TOML", 'write key = "value", and [slack] before the keys of Slack'
    )


def _layer(tables: Mapping[str, object], text: str, file: str, *, project: bool) -> Layer | Problem:
    settings: dict[str, Setting] = {}
    for path, value in _keys_and_values(tables):
        where = f"{file}:{line_of(text, path)}"
        problem = _problem_of(path, value, where, project=project)
        if problem is not None:
            return problem
        settings[".".join(path)] = Setting(value, where)
    return Layer(settings)


def _keys_and_values(tables: Mapping[str, object]) -> Iterator[_Entry]:
    """Yield the keys with their values; the keys in our tables one by one."""
    for name, value in tables.items():
        if name in SECTIONS and is_table(value):
            yield from (((name, inner), each) for inner, each in value.items())
        else:
            yield (name,), value


def _problem_of(path: tuple[str, ...], value: object, where: str, *, project: bool) -> Problem | None:
    key = KEYS.get(".".join(path)) if all("." not in part for part in path) else None
    names = (*path, *value) if is_table(value) else path
    if suspicious_value([*path, value]) or (key is None and any(suspicious_key(name) for name in names)):
        return Problem(where, "this looks like a secret", REMEDY)
    if path[0] in SECTIONS and len(path) == 1:
        return Problem(where, f"{path[0]}: takes a table", f"write [{path[0]}] on a line, and its keys below it")
    if key is None:
        return Problem(where, f"{shown_key(path)}: there is no such key", _suggestion(".".join(path)))
    if project and not key.shared:
        return Problem(
            where, f"{key.name}: a project's file may not set it", f"put it into your own tocsin.toml, or set {key.variable}"
        )
    problem = checked(key, value, where)
    return _misnamed(key, value, where) if project and problem is None else problem


def _misnamed(key: ConfigKey[object], value: object, where: str) -> Problem | None:
    """Return the problem of a secret's name that does not look like one, such as PATH."""
    if key not in {SLACK_WEBHOOK_SECRET, SLACK_TOKEN_SECRET, SECRETS_NAMES} or named_like_secrets(value):
        return None
    remedy = f"call it like TEAM_WEBHOOK or DATABASE_PASSWORD, put it into your own tocsin.toml, or set {key.variable}"
    return Problem(where, f"{key.name}: a project's file may name only what has a name like a secret's", remedy)


def _suggestion(name: str) -> str:
    if name in RENAMED:
        return f"it is called {RENAMED[name].name} now"
    near = closest(name, (*KEYS, *SECTIONS))
    return "`tocsin config show` lists the keys" if near is None else f"did you mean {near}?"


def environment(variables: Mapping[str, str]) -> tuple[Layer, tuple[Problem, ...]]:
    """Make a layer of environment variables, and return what is wrong with them.

    >>> layer, problems = environment({"TOCSIN_ONLY": "Failed", "TOCSIN_SLACK_DEADLINE": "soon"})
    >>> layer
    Layer(settings={'only': Setting(origin='environment variable TOCSIN_ONLY')})
    >>> print(*problems)
    TOCSIN_SLACK_DEADLINE: takes a number of seconds greater than 0; write TOCSIN_SLACK_DEADLINE=30
    """
    settings: dict[str, Setting] = {}
    problems: list[Problem] = []
    for key in TABLE:
        text = variables.get(key.variable, "").strip()
        value = key.takes.read(text) if text else None
        taken = key.takes.check(value) if text else None
        if is_quoted(text):
            problems.append(Problem(key.variable, *_QUOTED))
        elif isinstance(taken, Invalid):
            problems.append(Problem(key.variable, taken.what, taken.write or f"write {key.variable}={key.takes.spelt}"))
        elif suspicious_value(value):
            problems.append(Problem(key.variable, "this looks like a secret", REMEDY))
        elif text:
            settings[key.name] = Setting(value, f"environment variable {key.variable}")
    return Layer(settings), (*problems, *_mistyped(variables))


def _mistyped(variables: Mapping[str, str]) -> tuple[Problem, ...]:
    renamed = [
        Problem(old, "there is no such variable", f"it is called {new} now") for old, new in _RENAMED.items() if old in variables
    ]
    strange = [name for name in variables if name.startswith(_PREFIX) and name not in _OURS and name not in _RENAMED]
    near = ((name, closest(name.removeprefix(_PREFIX), _ENDS, 0.75)) for name in strange)
    mistyped = (Problem(name, "there is no such variable", f"did you mean {_PREFIX}{end}?") for name, end in near if end is not None)
    return (*renamed, *mistyped)
