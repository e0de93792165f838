"""What counts as a secret: the one rule, for redaction, for the configuration and for the commands in messages.

- A *name*, of an environment variable or of an option, tells whether it may hold a secret: ``is_secret_name``.
- A value that the configuration *uses* as a secret is one from 8 characters on. A value that only its variable's name tells of is one
  too, unless it is a word: ``is_word``.
- Of a URL, its login and the parts of its path and query are secret, as far as they are not words. The path of a SQLite file never is,
  nor are the host and the name of a PostgreSQL database: people must see which database an error is about.
- ``secret_parts`` returns each text that stands for a secret, in each form in which it might appear, and ``KnownForms`` replaces them.
- ``masked_command`` hides the secrets on a command line, whether they are known or not.
"""

import re
from collections.abc import Iterator, Sequence

from tocsin.core.text import is_quoted, one_line, printable

_LEAST = 8  # characters: a shorter text is too common to be replaced everywhere
_FEW_FORMS = 100  # as many are found one by one in about the time that it takes to look at each four characters of a text
_LEAST_URL_PART = 12  # characters of a part of a URL that is not known to be a secret
_LEAST_LINE = 16  # characters: a shorter line of a long value may be an ordinary word
_LONGEST_WORD = 20
_LONGEST_WORD_WITH_DIGITS = 11

_NAME = re.compile(r"secret|token|passw|passphrase|credential|private|api_?key|_(?:key|pass|pwd|pat|dsn)$", re.IGNORECASE)
_URL_NAME = re.compile(r"_ur[il]$", re.IGNORECASE)
_SERVICE_NAME = re.compile(r"hook|slack", re.IGNORECASE)
_PLACE = re.compile(r"_(?:dir|directory|path|name|file)$", re.IGNORECASE)
_NAME_OF_SECRET = re.compile(r"tocsin_\w+_secret$", re.IGNORECASE)  # tocsin's own: its value is the name of a secret

_SEPARATOR = re.compile(r"[-_. ]")
_CONSONANTS = re.compile(r"[bcdfghjklmnpqrstvwxz]{5}", re.IGNORECASE)
_APP_PASSWORD = re.compile(r"[a-z]{4}(?:\s?[a-z]{4}){3}")

_SCHEME = re.compile(r"(?:[a-z][a-z0-9+.-]*:)+//", re.IGNORECASE)
_FILES = ("sqlite", "file")  # schemes of URLs whose path is that of a file
_DATABASES = ("postgres", "postgresql")  # schemes of URLs whose path is the name of a database
_OF_DATABASE = re.compile("(?:host|hostaddr|port|dbname)=")  # where a database is, in the query of its URL
_BOUNDARY = re.compile(r"-----(?:BEGIN|END) [A-Z ]+-----")  # of PEM

_MASK = "..."
_HARMLESS = (int, float, complex, type(None))  # types of values that hold no secret, whatever their name
_LONGEST_PASSWORD = 200  # characters of a password in a URL, if it holds a slash
_FLAG = re.compile(r"^(?:no|ask|prompt|read)_|_(?:stdin|prompt|fd|env)$", re.IGNORECASE)  # such an option takes no secret
_SHORT_NAME = re.compile(r"pass|pwd|passin|passout", re.IGNORECASE)  # names that only an option may have
_OPTION = re.compile(r"--?([A-Za-z][\w.-]*)")
_NEXT_OPTION = re.compile(r"-[A-Za-z]|--[a-z][a-z-]*(?:=.*)?", re.DOTALL)
_ASSIGNED = re.compile(r"(?<![\w.-])([\w.-]+)=")
_JSON_FIELD = re.compile(r"(\"([\w.-]+)\"\s*:\s*\")((?:[^\"\\]|\\.)+)", re.DOTALL)
_SCHEMES = "bearer|basic|token|digest|negotiate|apikey"
_AUTHORIZATION = re.compile(rf"(authorization\s*:\s*(?:(?:{_SCHEMES})\s+)?)(\S.*)", re.IGNORECASE | re.DOTALL)
_HEADER = re.compile(r"((?:-H|--header=)?\s*([A-Za-z][\w-]*)\s*:\s*)(\S.*)", re.DOTALL)
_HEADER_OPTIONS = ("-H", "--header", "--proxy-header")
_URL_LOGIN = re.compile(rf"://(?:([^\s/?#]+)|([^\s/?#:@\[]*:(?!\d*(?:[/?#\s]|$))\S{{0,{_LONGEST_PASSWORD}}}))@")
_SCRIPT_WORD = re.compile(r"(?:[^\s\"'\\;|&()<>]|\\.|\"(?:[^\"\\]|\\.)*\"|'[^']*')+", re.DOTALL)
_DEEPEST_SCRIPT = 3
_SHELLS = frozenset({"ash", "bash", "dash", "eval", "fish", "ksh", "sh", "ssh", "su", "watch", "zsh"})
_MYSQL = frozenset({
    "mariadb", "mariadb-admin", "mariadb-check", "mariadb-dump", "mariadb-import", "mysql", "mysqladmin", "mysqlcheck", "mysqldump",
    "mysqlimport", "mysqlpump", "mysqlshow", "mysqlsh",
})  # fmt: skip
_MONGO = frozenset({"mongo", "mongodump", "mongoexport", "mongoimport", "mongorestore", "mongosh"})
_LDAP = frozenset({"ldapadd", "ldapdelete", "ldapmodify", "ldappasswd", "ldapsearch", "ldapwhoami"})
_JOINED = (  # letters of options whose value follows at once, as in mysql -pX, and the programs that have them
    ("p", _MYSQL | _MONGO | {"7z", "7za", "7zr", "sshpass"}),
    ("w", _LDAP),
    ("uU", frozenset({"curl"})),
    ("P", frozenset({"sqlcmd"})),
)
_APART = (  # letters of options whose value is the next word, as in sshpass -p X
    ("p", _MONGO | {"cqlsh", "rabbitmqadmin", "sshpass"}),
    ("w", _LDAP),
    ("P", frozenset({"mosquitto_pub", "mosquitto_sub", "sqlcmd", "unzip", "zip"})),
    ("uU", frozenset({"curl"})),
    ("u", frozenset({"lftp"})),
    ("a", frozenset({"redis-cli"})),
    ("U", frozenset({"smbclient"})),
)
_CONTAINERS = frozenset({"docker", "nerdctl", "podman"})  # whose -p is a password behind ``login``, and else a port


def is_secret_name(name: str) -> bool:
    """Return whether a variable or an option of this name may hold a secret. Case, ``-`` and ``.`` make no difference.

    The name of a folder, a path, a file or a name holds none. A name that ends in ``_URL`` or ``_URI`` may hold a URL with a secret in
    it: see ``found_parts``.

    >>> is_secret_name("DB_PASSWORD"), is_secret_name("DATABASE_URL"), is_secret_name("SECRETS_DIR"), is_secret_name("HOME")
    (True, True, False, False)
    """
    plain = _plain(name)
    if _PLACE.search(plain) or _NAME_OF_SECRET.match(plain):
        return False
    return any(pattern.search(plain) for pattern in (_NAME, _URL_NAME, _SERVICE_NAME))


def is_word(value: str) -> bool:
    """Return whether a value is a word, which is no secret where only its variable's name tells of it.

    A word has at most 20 characters, in groups joined by single ``-``, ``_``, ``.`` or blanks. Each group is letters in one case, a
    capital first or not, without five consonants in a row; or, in a value of at most 11 characters, a number of at most four digits
    behind the first group. What has the form of an app password, four times four small letters, is none.

    >>> is_word("postgres"), is_word("us-east-1"), is_word("Production backup")
    (True, True, True)
    >>> is_word("hunter22"), is_word("2026-11-29"), is_word("abcd efgh ijkl mnop"), is_word("xqzvbnmw")
    (False, False, False, False)
    """
    if len(value) > _LONGEST_WORD or _APP_PASSWORD.fullmatch(value):
        return False
    first, *others = _SEPARATOR.split(value)
    if len(value) <= _LONGEST_WORD_WITH_DIGITS:
        others = [group for group in others if not (group.isascii() and group.isdigit() and len(group) <= 4)]
    return all(_is_letters(group) for group in (first, *others))


def _is_letters(group: str) -> bool:
    one_case = group.isupper() or group[1:] == group[1:].lower()
    return group.isalpha() and one_case and _CONSONANTS.search(group) is None


def secret_parts(value: str, *, used: bool) -> tuple[str, ...]:
    """Return the texts to hide for a value: its secret parts in each form. Empty if the value holds no secret.

    Args:
        value: the value.
        used: whether the configuration uses it as a secret. Otherwise words in it are none.

    >>> "hunter22" in secret_parts("postgres://app:hunter22@db.example.com/shop", used=True)
    True
    >>> secret_parts("postgres", used=False), secret_parts("https://example.com/getting-started", used=False)
    ((), ())
    """
    parts = dict.fromkeys(part for form in _without_quotes(value.strip()) for part in _parts(form, used=used))
    forms = (form for part in parts for form in _forms(part))
    shown = (each for form in forms for each in (form, printable(form), one_line(form)))  # the latter where it is in a title
    return tuple(dict.fromkeys(each for each in shown if len(each) >= _LEAST))


def found_parts(name: str, value: str) -> tuple[str, ...]:
    """Return the texts to hide for the value of a variable, of which only the name is known.

    >>> found_parts("HOME", "/home/me/9f8e7d6c5b4a"), found_parts("STATUS_URL", "https://example.com/status")
    ((), ())
    """
    if not is_secret_name(name) or (_needs_url(name) and not _SCHEME.match(_without_quotes(value.strip())[-1])):
        return ()
    return secret_parts(value, used=False)


def is_secret_argument(name: str, value: object) -> bool:
    """Return whether the value of a parameter of this name is hidden: anything but a number or None under the name of a secret.

    The name of a URL hides parts of it: see ``found_parts``.

    >>> is_secret_argument("password", "hunter2"), is_secret_argument("max_tokens", 512), is_secret_argument("path", "a.csv")
    (True, False, False)
    """
    return is_secret_name(name) and not _needs_url(name) and not issubclass(type(value), _HARMLESS)


def without_logins(text: str) -> str:
    """Return the text with ``...`` in place of the login in each URL.

    >>> without_logins("'postgres://me:hunter22@db/shop'")
    "'postgres://...@db/shop'"
    """
    return _URL_LOGIN.sub(_without_login, text)


def _without_quotes(value: str) -> tuple[str, ...]:
    """Return a value as it is, and without the quotation marks that docker's --env-file keeps."""
    return (value, value[1:-1]) if is_quoted(value) else (value,)


def _plain(name: str) -> str:
    return name.replace("-", "_").replace(".", "_")


def _needs_url(name: str) -> bool:
    """Return whether only a URL can be a secret under this name."""
    plain = _plain(name)
    return _URL_NAME.search(plain) is not None or _NAME.search(plain) is None


def _is_secret(text: str, *, used: bool, least: int = _LEAST) -> bool:
    return len(text) >= least and (used or not is_word(text))


def _parts(value: str, *, used: bool) -> Iterator[str]:
    if _SCHEME.match(value):
        yield from _url_parts(value, used=used)
        return
    if _is_secret(value, used=used):
        yield value
    lines = [line.strip() for line in value.splitlines()]
    if len(lines) > 1:
        yield from (line for line in lines if _is_secret(line, used=used, least=_LEAST_LINE) and not _BOUNDARY.fullmatch(line))
    if _APP_PASSWORD.fullmatch(value):
        letters = "".join(value.split())
        yield letters
        yield " ".join(letters[start : start + 4] for start in range(0, len(letters), 4))


def _url_parts(url: str, *, used: bool) -> Iterator[str]:
    """Yield the URL, its login, and the parts of its path and query, as far as they are secret."""
    from urllib.parse import unquote

    scheme, _, rest = url.partition("://")
    login = _login(rest)
    _, colon, password = login.partition(":")
    host = rest[len(login) :]
    start = re.search("[/?#]", host)
    behind = "" if start is None else host[start.start() :]
    kind = scheme.lower().partition("+")[0]
    is_file = kind in _FILES
    is_database = kind in _DATABASES and "@" not in behind  # else a password is not escaped, and nobody knows where it ends
    found = [password] if _is_secret(unquote(password), used=used) else []
    pieces = [] if colon else [login]
    pieces += _pieces(behind, is_file=is_file, is_database=is_database)
    least = _LEAST if used else _LEAST_URL_PART
    found += (piece for piece in pieces if _is_secret(unquote(piece), used=False, least=least))
    if found or password or (used and not is_file):
        yield url
    if password:
        yield login
    hidden = (used and not is_database) or any(part in behind for part in found)
    if not is_file and len(behind) >= _LEAST_URL_PART and not is_word(behind[1:]) and hidden:
        yield behind
    yield from found


def _login(rest: str) -> str:
    """Return the login in a URL behind its scheme. A password may hold ``/``, ``?`` and ``#``, though it should not."""
    authority = re.split("[/?#]", rest, maxsplit=1)[0]
    if "@" in authority:
        return authority.rpartition("@")[0]
    user, colon, password = authority.partition(":")
    is_port = not password or (password.isdigit() and "@" not in rest)
    return "" if not colon or is_port or user.startswith("[") else rest.rpartition("@")[0]


def _pieces(behind: str, *, is_file: bool, is_database: bool) -> list[str]:
    """Return the parts of a path, the values in a query, and the fragment; none that says where a file or a database is."""
    path, *others = re.split("[?#]", behind)
    pairs = (pair for other in others for pair in re.split("[&;]", other) if not (is_database and _OF_DATABASE.match(pair)))
    values = [pair.partition("=")[2] or pair for pair in pairs]
    return values if is_file or is_database else [*path.split("/"), *values]


def _quoted(text: str) -> Iterator[str]:
    """Yield a text as JSON, Python and a shell write it between quotes. Which quotes, depends on the text around it."""
    import json  # slow to import, and needed only if there is a secret

    yield from (json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1])
    yield from (repr(text)[1:-1], repr(f"{text}'\"")[1:-4])
    yield from (text.replace("'", "'\\''"), text.replace("'", "'\"'\"'"))


def _forms(part: str) -> Iterator[str]:
    """Yield the forms of a text: as it is, percent-encoded and -decoded, quoted, escaped, and inside base64."""
    import html
    from base64 import b64encode, urlsafe_b64encode
    from urllib.parse import quote, quote_plus, unquote

    raw = part.encode(errors="surrogatepass")
    yield from (part, unquote(part), quote(raw), quote(raw, safe=""), quote_plus(raw))
    for quoted in dict.fromkeys(_quoted(part)):
        yield quoted
        yield from _quoted(quoted)  # the repr of an exception quotes what its message quotes already
    yield from (html.escape(part), html.escape(part, quote=False))
    for encode in (b64encode, urlsafe_b64encode):
        for offset, skipped in ((0, 0), (1, 2), (2, 3)):  # inside a longer text, the first characters depend on the bytes before
            whole = (offset + len(raw)) * 8 // 6
            yield encode(bytes(offset) + raw)[skipped:whole].decode()


class KnownForms:
    """The forms of all known secrets, each with the mark that replaces it, such as ``[NAME]``.

    A few forms are looked for one by one. Of many, only those are whose last 8 characters share four with the text: so the time hardly
    depends on how many are known. In the text, the four from each fifth one on are looked at. Any 8 characters hold four of these.

    Args:
        known: each form, of at least 8 characters, with its mark; the first of equal forms counts.
    """

    def __init__(self, known: Sequence[tuple[str, str]]) -> None:
        self._known = known
        self._by_four: dict[tuple[str, ...], list[int]] = {}
        if len(known) > _FEW_FORMS:
            for place, (form, _) in enumerate(known):
                end = form[-_LEAST:]
                for four in zip(end, end[1:], end[2:], end[3:], strict=False):
                    self._by_four.setdefault(four, []).append(place)
        self._marks = tuple(dict.fromkeys([mark for _, mark in known]))
        self._in_marks = frozenset([form for form, _ in self._found("\n".join(self._marks))])

    def redacted(self, text: str) -> str:
        """Replace each form in the text by its mark. Forms that overlap are replaced together.

        A mark that stands there already stays, even if it contains a form.

        >>> KnownForms([("hunter22", "[hunter22]")]).redacted("it is hunter22, says [hunter22]")
        'it is [hunter22], says [hunter22]'
        """
        known = self._found(text)
        if not known:
            return text
        found: list[tuple[int, int, str]] = []
        for form, mark in known:
            places = _places(text, form)
            found += ((start, end, mark) for start, end in (_outside(places, text, self._marks) if form in self._in_marks else places))
        written: list[str] = []
        done = 0
        for start, end, mark in _merged(found):
            written += (text[done:start], mark)
            done = end
        return "".join((*written, text[done:]))

    def _found(self, text: str) -> list[tuple[str, str]]:
        """Return the forms that are in the text, in the order in which they are known."""
        known = self._known
        if self._by_four:
            if self._by_four.keys().isdisjoint(_fours(text)):
                return []
            shared = self._by_four.keys() & set(_fours(text))
            known = [known[place] for place in sorted({place for four in shared for place in self._by_four[four]})]
        return [(form, mark) for form, mark in known if form in text]


def _fours(text: str) -> Iterator[tuple[str, str, str, str]]:
    return zip(text[::5], text[1::5], text[2::5], text[3::5], strict=False)


def _places(text: str, part: str) -> Iterator[tuple[int, int]]:
    """Yield where a part is in the text, also where it overlaps itself."""
    start = text.find(part)
    while start >= 0:
        yield start, start + len(part)
        start = text.find(part, start + 1)


def _outside(places: Iterator[tuple[int, int]], text: str, marks: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Leave out the places inside a mark."""
    marked = [place for mark in marks for place in _places(text, mark)]
    for start, end in places:
        if not any(first <= start and end <= last and last - first > end - start for first, last in marked):
            yield start, end


def _merged(found: list[tuple[int, int, str]]) -> Iterator[tuple[int, int, str]]:
    """Merge overlapping places, and give each the mark of the longest of them."""
    start = end = longest = 0
    shown = ""
    for first, last, mark in sorted(found, key=lambda place: (place[0], -place[1])):
        if first >= end:
            if end:
                yield start, end, shown
            start, end, longest, shown = first, last, last - first, mark
        else:
            end = max(end, last)
            if last - first > longest:
                longest, shown = last - first, mark
    if end:
        yield start, end, shown


def masked_command(argv: Sequence[str]) -> str:
    """Return a command as a shell would take it, with ``...`` in place of each secret in its arguments.

    These are hidden: the value of an option or an assignment with the name of a secret (``--password X``, ``--token=X``,
    ``DB_PASSWORD=X``), the value of the short options of well-known programs (``mysql -pX``, ``curl -u X``), that of a header such as
    ``Authorization``, and the login in a URL. They are hidden in the text for a shell too: ``sh -c "mysql -pX"``. All other arguments
    stay as they are.

    >>> masked_command(["mysqldump", "-pX7", "--host=db", "shop"])
    'mysqldump -p... --host=db shop'
    >>> masked_command(["env", "API_TOKEN=X7", "curl", "-H", "Authorization: Bearer X7", "https://me:X7@example.com/"])
    "env API_TOKEN=... curl -H 'Authorization: Bearer ...' https://...@example.com/"
    """
    from shlex import join  # seldom needed

    return join(_masked(argv, depth=0))


def _masked(words: Sequence[str], *, depth: int) -> Iterator[str]:
    programs: set[str] = set()
    before = name = ""
    for word in words:
        if not _NEXT_OPTION.fullmatch(word) and _hides(name, word):
            yield _MASK
            before = name = ""
            continue
        if programs & _SHELLS and re.search(r"\s", word):
            yield _masked_script(word, depth=depth)
        else:
            yield _masked_word(word, before, programs)
        before, name = word, _awaited(word, programs)
        programs.add(word.rpartition("/")[2])


def _masked_script(script: str, *, depth: int) -> str:
    """Mask the words of a shell's text, and keep what is between them."""
    if depth == _DEEPEST_SCRIPT:
        return _MASK
    from shlex import quote

    found = list(_SCRIPT_WORD.finditer(script))
    plain = [_unquoted(word[0]) for word in found]
    written: list[str] = []
    done = 0
    for word, before, after in zip(found, plain, _masked(plain, depth=depth + 1), strict=True):
        written += (script[done : word.start()], word[0] if before == after else quote(after))
        done = word.end()
    return "".join((*written, script[done:]))


def _unquoted(word: str) -> str:
    from shlex import split

    return "".join(split(word))


def _masked_word(word: str, before: str, programs: set[str]) -> str:
    if len(word) > 2 and word[0] == "-" and any(word[1] in letters and programs & owners for letters, owners in _JOINED):
        return f"{word[:2]}{_MASK}"
    word = _URL_LOGIN.sub(_without_login, word)
    word = _JSON_FIELD.sub(lambda field: f"{field[1]}{_MASK}" if _hides(field[2], field[3]) else field[0], word)
    word = _AUTHORIZATION.sub(lambda header: f"{header[1]}{_MASK}", word)
    header = _HEADER.fullmatch(word)
    if header is not None and (before in _HEADER_OPTIONS or word[0] == "-") and _names_header(header[2]):
        return f"{header[1]}{_MASK}"
    for assigned in _ASSIGNED.finditer(word):
        if _may_hide(assigned[1]) and _hides(assigned[1], word[assigned.end() :]):
            return f"{word[: assigned.end()]}{_MASK}"
    return word


def _without_login(found: re.Match[str]) -> str:
    """Mask the login in a URL, but no mere name: ``ssh://git@example.com``."""
    login = found[1] or found[2]
    is_name = ":" not in login and (len(login) < _LEAST or is_word(login))
    return found[0] if is_name else f"://{_MASK}@"


def _names_header(name: str) -> bool:
    return is_secret_name(name) or name.lower() in {"cookie", "set-cookie"}


def _awaited(word: str, programs: set[str]) -> str:
    """Return the name under which the next word is a value; empty if this word is not an option that takes one."""
    option = _OPTION.fullmatch(word)
    if option is None:
        return ""
    name = option[1]
    is_password = (
        any(name[-1] in letters and programs & owners for letters, owners in _APART)
        if name.isalpha() and not word.startswith("--")
        else name in {"user", "proxy-user"} and "curl" in programs
    ) or (word == "-p" and "login" in programs and bool(programs & _CONTAINERS))
    return "password" if is_password else name


def _hides(name: str, value: str) -> bool:
    """Return whether a value under this name is masked."""
    return value != "" and _may_hide(name) and (not _needs_url(name) or _is_short(name) or bool(found_parts(name, value)))


def _may_hide(name: str) -> bool:
    plain = _plain(name).lstrip("_")
    return not _FLAG.search(plain) and (_is_short(name) or is_secret_name(plain))


def _is_short(name: str) -> bool:
    return _SHORT_NAME.fullmatch(name.lstrip("-")) is not None
