"""Layers from files and from environment variables, and the line of a TOML text on which a key stands.

- Any text or bytes give a layer and all that is wrong with them, each once, in bounded time. A file with a problem sets nothing, but
  the secrets that it names stay known (``kept_names``).
- ``tomllib`` stops at the first mistake. So that statement is blanked, or its table if it is a header, and the text is read again.
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

import attrs

from tocsin.core.config.kept_names import NAMING, named_in_file, named_in_variable
from tocsin.core.config.merging import Layer, Setting, checked
from tocsin.core.config.problems import (
    REMEDY,
    SUSPICIOUS,
    Problem,
    closest,
    named_like_secrets,
    shown_key,
    suspicious_key,
    suspicious_lines,
    suspicious_value,
)
from tocsin.core.config.schema import KEYS, RENAMED, SECRETS_NAMES, SECTIONS, SLACK_TOKEN_SECRET, SLACK_WEBHOOK_SECRET, TABLE, ConfigKey
from tocsin.core.config.value_types import Invalid
from tocsin.core.text import is_quoted
from tocsin.core.validation import is_list, is_table
from tocsin.core.values import Value

_PIECE = re.compile(
    r'"""(?:\\[\s\S]|[^\\])*?(?:"{3,5}|\Z)'  # texts, the longer quotes first
    r"|'''[\s\S]*?(?:'{3,5}|\Z)"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*'"
    r"|#[^\n]*"
    r"|[^\"'#\n\[\]{}=]+"
    r"|[\s\S]"
)
LONGEST = 1 << 16  # bytes of a file
_WIDEST = 4000  # characters of a line: tomllib's time grows with the square of a key's dots
_PLAIN_STATEMENT = re.compile(r"\[([\w-]+(?:\.[\w-]+)*)\]|([\w-]+(?:\.[\w-]+)*) *= 0", re.ASCII)
_BEGINS = re.compile(r"\s*(?:\[\[?[^\[\]]+\]\]?\s*(?:#.*)?|[\w.\"' -]+=.*)")  # how a line looks with which a statement begins
_LINE = re.compile(r"at line (\d+)")
_MOST = 100  # problems of a file that are named
_MOST_BLANKED = 10  # statements that are blanked, since the text is read again after each
_Entry = tuple[tuple[str, ...], object]
_Located = tuple[int, Problem]  # with the line

_PREFIX = "TOCSIN_"
_QUOTED = ("it stands in quotation marks", "write it without them, which docker's --env-file would keep")
_OURS = frozenset({"TOCSIN_CONFIG", "TOCSIN_NOTIFY", "TOCSIN_STATE_DIR", *(key.variable for key in TABLE)})
_RENAMED = {f"{_PREFIX}{old.upper().replace('.', '_')}": key.variable for old, key in RENAMED.items()}
_ENDS = sorted(name.removeprefix(_PREFIX) for name in _OURS)


@attrs.frozen(eq=False, repr=False)
class KeyLines(Value):
    """The lines on which the statements of a TOML text begin, and those that name each key. Lines are 1-based."""

    _starts: tuple[int, ...]
    _named: Mapping[tuple[str, ...], int]
    _assigned: Mapping[tuple[str, ...], int]

    def of(self, path: tuple[str, ...]) -> int:
        """Return the line of the first statement that sets the key of one or two parts, or a part of it; 1 if there is none.

        >>> key_lines('[slack]\\n# soon\\ndeadline = 3').of(("slack", "deadline"))
        3
        """
        return min([lines[key] for lines, key in ((self._named, path), (self._assigned, path[:1])) if key in lines], default=1)

    def start_of(self, line: int) -> int:
        """Return the line on which the statement begins that holds this line, or stands before it."""
        return max([start for start in self._starts if start <= line], default=1)


def key_lines(text: str) -> KeyLines:
    """Find the statements of a TOML text of at least one."""
    starts: list[int] = []
    named: dict[tuple[str, ...], int] = {}
    assigned: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    for line, head in _statements(text):
        is_header = head.startswith("[")
        here = _path(head) if is_header else (*table, *_path(f"{head}= 0"))
        starts.append(line)
        for length in (1, 2):
            named.setdefault(here[:length], line)
        if is_header:
            table = here
        else:
            assigned.setdefault(here, line)
    return KeyLines(tuple(starts), named, assigned)


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Yield the line on which each statement begins, and the statement up to its equals sign."""
    line, start, head, depth, is_named = 1, 1, "", 0, False
    for piece in _PIECE.findall(f"{text}\n"):
        if piece == "\n" and (depth == 0 or head.lstrip().startswith("[")):
            if head.strip():
                yield start, head.strip()
            head, is_named, depth = "", False, 0
        depth += (piece in {"[", "{"}) - (piece in {"]", "}"})
        is_named = is_named or (piece == "=" and depth == 0)
        if not is_named and not piece.startswith("#"):
            start = start if head.strip() else line
            head += piece
        line += piece.count("\n")


def _path(statement: str) -> tuple[str, ...]:
    """Return the keys of a header or an assignment, the outermost first."""
    if plain := _PLAIN_STATEMENT.fullmatch(statement):  # the usual case, without a call of ``tomllib``
        return tuple((plain[1] or plain[2]).split("."))
    found: list[str] = []
    inner: object = tomllib.loads(statement)
    while (inner := inner[0] if is_list(inner) else inner) and is_table(inner):
        key, inner = next(iter(inner.items()))
        found.append(key)
    return tuple(found)


def parse(content: str | bytes, file: str, *, project: bool) -> tuple[Layer, tuple[Problem, ...]]:
    """Parse a file into a layer, with ``FILE:LINE`` as the origin of each value, and return all that is wrong with the file.

    If anything is wrong, the layer has no settings, but keeps the names of the secrets that the file names.

    Args:
        content: the whole content of the file.
        file: the name of the file.
        project: whether the file belongs to a project, and so may not set every key.

    >>> parse('only = ["Failed"]', "tocsin.toml", project=True)
    (Layer(settings={'only': Setting(origin='tocsin.toml:1')}), ())
    >>> _, problems = parse('[slack]\\ndedline = 3', "tocsin.toml", project=True)
    >>> print(*problems)
    tocsin.toml:2: slack.dedline: there is no such key; did you mean slack.deadline?
    """
    settings: dict[str, Setting] = {}
    text, unfit = decoded(content, file)
    problems = _of_text(text, file, settings, project=project) if unfit is None else (unfit,)
    return (Layer(secrets=named_in_file(text, project=project)) if problems else Layer(settings)), problems


def decoded(content: str | bytes, file: str) -> tuple[str, Problem | None]:
    """Return the text, as far as it is one, and why it cannot be used, or None."""
    text = content if isinstance(content, str) else content.decode("utf-8-sig", "replace")
    text = text.replace("\r\n", "\n")
    if isinstance(content, bytes) and not _is_utf_8(content):
        return text, Problem(file, "this is not a text in UTF-8", "save it as UTF-8")
    if len(content) > LONGEST or any(len(line) > _WIDEST for line in text.split("\n")):
        return text, Problem(file, "this is longer than 64 KiB, or has a line of more than 4,000 characters", "shorten it")
    return text, None


def _is_utf_8(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def _of_text(text: str, file: str, settings: dict[str, Setting], *, project: bool) -> tuple[Problem, ...]:
    """Fill in the settings of a text, and return its problems, each once, in the order of their lines."""
    problems = _problems(text, file, settings, project=project)
    found = [located for _, located in zip(range(_MOST + 1), problems, strict=False)]
    named = tuple(dict.fromkeys(problem for _, problem in sorted(found[:_MOST], key=lambda located: located[0])))
    return named if len(found) <= _MOST else (*named, _more(file))


def _more(file: str) -> Problem:
    return Problem(file, "there may be more mistakes in it", "correct these first")


def _problems(text: str, file: str, settings: dict[str, Setting], *, project: bool) -> Iterator[_Located]:
    secrets = suspicious_lines(text)
    yield from ((line, Problem(f"{file}:{line}", SUSPICIOUS, REMEDY)) for line in secrets)
    text, tables, mistakes = _tables(text)
    yield from (
        (line, Problem(f"{file}:{line}", "this is not TOML", 'write key = "value", and [slack] before the keys of Slack'))
        for line in mistakes
    )
    if len(mistakes) == _MOST_BLANKED:
        yield text.count("\n") + 1, _more(file)
    if not tables:
        return
    lines = key_lines(text)
    shown = {lines.start_of(line) for line in secrets}
    for path, value in _keys_and_values(tables):
        line = lines.of(path)
        where = f"{file}:{line}"
        problem = _problem_of(path, value, where, project=project)
        if problem is None:
            settings[".".join(path)] = Setting(value, where)
        elif problem.what != SUSPICIOUS or line not in shown:
            yield line, problem


def _tables(text: str) -> tuple[str, Mapping[str, object], tuple[int, ...]]:
    """Return the text without its mistakes, what ``tomllib`` reads of it, and the lines of the mistakes.

    Of a message of ``tomllib`` only the line is kept: the rest may quote the file.
    """
    mistakes: list[int] = []
    while len(mistakes) < _MOST_BLANKED:
        try:
            return text, tomllib.loads(text), tuple(mistakes)
        except (ValueError, RecursionError) as error:
            found = _LINE.search(str(error))
            line = int(found[1]) if found else text.rstrip().count("\n") + 1
        text, line = _without(text, line)
        mistakes.append(line)
    return text, {}, tuple(mistakes)


def _without(text: str, mistake: int) -> tuple[str, int]:
    """Return the text with blank lines in place of the statement with the mistake on this line; of a header, of its whole table.

    A bracket that is left open ends before the line on which ``tomllib`` finds that, if a statement may begin there; then the mistake
    is on the line with the bracket. The line of the mistake is returned, too.
    """
    lines = text.split("\n")
    begun, head = [(start, head) for start, head in [(1, ""), *_statements(text)] if start <= mistake][-1]
    is_open = begun < mistake and _BEGINS.fullmatch(lines[mistake - 1])
    end = mistake - 1 if is_open else mistake
    if head.startswith("["):
        while end < len(lines) and not lines[end].lstrip().startswith("["):
            end += 1
    remaining = "\n".join("" if begun <= number <= end else line for number, line in enumerate(lines, 1))
    return remaining, begun if is_open else mistake


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
        return Problem(where, SUSPICIOUS, REMEDY)
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
    """Make a layer of environment variables, and return what is wrong with them. The secrets that they name stay known.

    >>> layer, problems = environment({"TOCSIN_ONLY": "Failed", "TOCSIN_SLACK_DEADLINE": "soon"})
    >>> layer
    Layer(settings={'only': Setting(origin='environment variable TOCSIN_ONLY')})
    >>> print(*problems)
    TOCSIN_SLACK_DEADLINE: takes a number of seconds greater than 0; write TOCSIN_SLACK_DEADLINE=30
    """
    settings: dict[str, Setting] = {}
    problems: list[Problem] = []
    kept: list[str] = []
    for key in TABLE:
        text = variables.get(key.variable, "").strip()
        value = key.takes.read(text) if text else None
        taken = key.takes.check(value) if text else None
        if is_quoted(text):
            problems.append(Problem(key.variable, *_QUOTED))
        elif isinstance(taken, Invalid):
            problems.append(Problem(key.variable, taken.what, taken.write or f"write {key.variable}={key.takes.spelt}"))
        elif suspicious_value(value):
            problems.append(Problem(key.variable, SUSPICIOUS, REMEDY))
        elif text:
            settings[key.name] = Setting(value, f"environment variable {key.variable}")
        if text and key in NAMING and key.name not in settings:
            kept += named_in_variable(text)
    return Layer(settings, tuple(kept)), (*problems, *_mistyped(variables))


def _mistyped(variables: Mapping[str, str]) -> tuple[Problem, ...]:
    renamed = [
        Problem(old, "there is no such variable", f"it is called {new} now") for old, new in _RENAMED.items() if old in variables
    ]
    strange = [name for name in variables if name.startswith(_PREFIX) and name not in _OURS and name not in _RENAMED]
    near = ((name, closest(name.removeprefix(_PREFIX), _ENDS, 0.75)) for name in strange)
    mistyped = (Problem(name, "there is no such variable", f"did you mean {_PREFIX}{end}?") for name, end in near if end is not None)
    return (*renamed, *mistyped)
