"""Laws of secrets: words survive, everything else of a secret goes, in whatever text it stands; and a command shows none."""

import html
import json
import shlex
import string
from base64 import b64encode
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from tocsin.core.secrets import KnownForms, found_parts, is_secret_name, is_word, masked_command, secret_parts

WORDS = [
    "postgres", "production", "password", "backup", "backups", "development", "localhost", "staging", "testing", "database", "default",
    "username", "anonymous", "changeme", "kubernetes", "elasticsearch", "infrastructure", "authentication", "rabbitmq", "mongodb",
    "memcached", "disabled", "required", "undefined", "placeholder", "nightly", "warehouse", "customers", "Monday", "November",
    "POSTGRES", "us-east-1", "my_database", "prod-db-2", "test.example.com", "transport", "mysqldump", "Entwicklung",
]  # fmt: skip
SENTENCES = ("postgres backup", "Production database", "load run 2")
PLACES = ("_DIR", "_DIRECTORY", "_PATH", "_NAME", "_FILE")
PRINTABLE = string.ascii_letters + string.digits + string.punctuation
RUN = 8  # characters

values = st.text(st.sampled_from(PRINTABLE), min_size=RUN, max_size=40).filter(lambda value: "://" not in value)
"""Values that a configuration may use as secrets, apart from URLs, of which not all is secret."""
texts = st.text(st.sampled_from(f"{PRINTABLE} \n"), max_size=30)
alike = st.text(st.sampled_from("ab1"), min_size=RUN, max_size=14)
"""Values that often overlap, or are part of each other."""


def known(name: str, value: str) -> list[tuple[str, str]]:
    """Return the forms of a used value with its mark, the longest first."""
    return longest_first([(form, f"[{name}]") for form in secret_parts(value, used=True)])


def redacted(text: str, forms: list[tuple[str, str]]) -> str:
    return KnownForms(forms).redacted(text)


def longest_first(forms: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return sorted(forms, key=lambda form: len(form[0]), reverse=True)


def runs(value: str) -> list[str]:
    """Return each run of eight characters in a value."""
    return [value[start : start + RUN] for start in range(len(value) - RUN + 1)]


# What counts as a secret.


@pytest.mark.parametrize("word", [*WORDS, *SENTENCES])
def test_a_word_is_no_secret_unless_the_configuration_uses_it(word: str) -> None:
    assert is_word(word)
    assert found_parts("POSTGRES_PASSWORD", word) == ()
    assert len(word) < RUN or word in secret_parts(word, used=True)


@given(st.text(st.sampled_from(PRINTABLE), min_size=12, max_size=60), st.sampled_from(string.digits), st.integers(0, 60))
def test_what_has_a_digit_in_twelve_characters_is_a_secret(text: str, digit: str, at: int) -> None:
    value = text[:at] + digit + text[at:]
    assume("://" not in value)
    assert not is_word(value)
    assert value in found_parts("API_TOKEN", value)


@given(st.text(max_size=7), st.booleans())
def test_a_short_value_is_no_secret(value: str, used: bool) -> None:
    assert secret_parts(value, used=used) == ()


@given(values)
def test_what_is_used_is_a_secret_from_eight_characters_on(value: str) -> None:
    assert value in secret_parts(value, used=True)


@given(st.text(st.sampled_from(string.ascii_letters + "_-."), max_size=20), st.sampled_from(PLACES), st.randoms())
def test_a_name_of_a_place_holds_no_secret_and_case_makes_no_difference(name: str, place: str, random: object) -> None:
    assert not is_secret_name(name + place)
    assert is_secret_name(f"{name}_PASSWORD")
    assert is_secret_name(name) == is_secret_name(name.upper()) == is_secret_name(name.replace("_", "-"))
    assert found_parts(name + place, "hunter2-hunter2") == ()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("STATUS_URL", "https://example.com/documentation/getting-started?application_name=authentication"),
        ("API_URL", "localhost:8080/api/internal/9f8e7d6c5b4a"),
        ("REPOSITORY_URL", "ssh://git@example.com/team/repository"),
        ("SECRET_URL", "vault.example.com/9f8e7d6c5b4a/x"),
        ("TEAM_SLACK", "#deployments-2026"),
        ("TOCSIN_SLACK_TOKEN_SECRET", "OUR_TOKEN_2026_03"),
        ("HOME", "9f8e7d6c5b4a3928"),
        ("GREETING_URL", "http://[::1]:8080/a"),
        ("GREETING_URL", "http://example.com:/a"),
    ],
)
def test_a_url_or_a_name_without_a_secret_is_not_hidden(name: str, value: str) -> None:
    assert found_parts(name, value) == ()


@pytest.mark.parametrize(
    ("value", "hidden"),
    [
        ("postgres://app:hunter22@db.example.com/shop", "hunter22"),
        ("postgres://app:p%40ssw0rd@db.example.com/shop", "p@ssw0rd"),
        ("postgres://app:pa/ss#w0rd@db.example.com/shop", "pa/ss#w0rd"),
        ("jdbc:postgresql://app:hunter22@db.example.com/shop", "hunter22"),
        ("https://9f8e7d6c5b4a@sentry.example.com/4", "9f8e7d6c5b4a"),
        ("https://example.com/hooks/9f8e7d6c5b4a", "9f8e7d6c5b4a"),
        ("https://example.com/?rid=1&key=9f8e7d6c5b4a#top", "9f8e7d6c5b4a"),
        ("sqlite+pysqlcipher://:hunter22@//var/lib/shop-2026-03.sqlite", "hunter22"),
    ],
)
def test_the_secret_part_of_a_url_is_hidden_without_the_url(value: str, hidden: str) -> None:
    for parts in (found_parts("DATABASE_URL", value), secret_parts(value, used=True)):
        assert hidden in parts
        assert value in parts
        assert not {"db.example.com", "example.com", "var", "shop-2026-03.sqlite"} & set(parts)


def test_a_login_whose_password_is_short_is_hidden_as_a_whole() -> None:
    url = "postgres://app:hunter2@db/shop"
    assert {url, "app:hunter2"} <= set(found_parts("DATABASE_URL", url))
    assert "hunter2" not in secret_parts(url, used=True)


def test_what_the_configuration_uses_needs_less_to_be_hidden() -> None:
    url = "https://example.com/getting-started/7d6c5b4a"
    assert found_parts("PING_URL", url) == ()
    assert {url, "7d6c5b4a", "/getting-started/7d6c5b4a"} <= set(secret_parts(url, used=True))
    assert "getting-started" not in secret_parts(url, used=True)
    assert "/getting-started" not in secret_parts("https://example.com/getting-started", used=True)


@given(st.lists(st.text(st.sampled_from(f"{string.ascii_letters}{string.digits}-_."), min_size=1), min_size=1), st.booleans())
@example(["var", "lib", "tocsin", "outbox-2026-database.sqlite"], True)
def test_the_path_of_a_sqlite_file_is_never_hidden(path: list[str], used: bool) -> None:
    assert secret_parts(f"sqlite:////{'/'.join(path)}", used=used) == ()


@given(st.text(st.sampled_from(f"{string.ascii_letters}{string.digits}-_"), min_size=1), st.booleans())
@example("outbox_9f8e7d6c5b4a", True)
def test_the_host_and_the_name_of_a_database_are_never_hidden(name: str, used: bool) -> None:
    password = "9f8e7d6c5b4a-0123"
    for url in (
        f"postgresql://app:{password}@{name}.example.com:5432/{name}?connect_timeout=3",
        f"postgres://app:{password}@/{name}?host=/run/{name}&port=5432&dbname={name}",
        f"postgresql+psycopg://{name}.example.com/{name}",
    ):
        parts = secret_parts(url, used=used)
        place = f"the outbox at postgresql://app@{name}.example.com:5432/{name} or postgresql://app@/{name}?host=/run/{name}&port=5432"
        assert [part for part in parts if part in place] == []
        assert (password in parts) is (password in url)


@pytest.mark.parametrize("option", ["password", "sslpassword", "passfile"])
def test_other_options_of_a_database_are_hidden(option: str) -> None:
    url = f"postgresql://app@db.example.com/shop?host=db.example.com&{option}=9f8e7d6c5b4a"
    parts = secret_parts(url, used=True)
    assert "9f8e7d6c5b4a" in parts
    assert not {"shop", "db.example.com"} & set(parts)


def test_each_line_of_a_key_is_hidden_and_its_frame_is_not() -> None:
    line = "MIIEowIBAAKCAQEA7d6c5b4a"
    pem = f"-----BEGIN PRIVATE KEY-----\n  {line}\nshort\n-----END PRIVATE KEY-----\n"
    for parts in (secret_parts(pem, used=True), found_parts("TLS_PRIVATE_KEY", pem)):
        assert line in parts
        assert not {"short", "-----BEGIN PRIVATE KEY-----"} & set(parts)


@pytest.mark.parametrize("value", ["abcd efgh ijkl mnop", "abcdefghijklmnop", "abcd\xa0efgh\xa0ijkl\xa0mnop"])
def test_an_app_password_is_hidden_with_and_without_its_blanks(value: str) -> None:
    for parts in (secret_parts(value, used=True), found_parts("SMTP_PASSWORD", value)):
        assert {value, "abcd efgh ijkl mnop", "abcdefghijklmnop"} <= set(parts)


# What is hidden in a text.


FORMS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "percent": quote,
    "percent all": lambda value: quote(value, safe=""),
    "form": quote_plus,
    "json": json.dumps,
    "json with letters": lambda value: json.dumps(value, ensure_ascii=False),
    "repr": repr,
    "repr beside quotes": lambda value: repr(f"'\"{value}"),
    "repr of a repr": lambda value: repr(repr(value)),
    "repr of an error": lambda value: repr(f"'\"{value!r}"),
    "json in json": lambda value: json.dumps(json.dumps(value)),
    "shell": shlex.quote,
    "shell, traced": lambda value: "'" + value.replace("'", "'\\''") + "'",
    "html": html.escape,
    "slack": lambda value: html.escape(value, quote=False),
    "base64": lambda value: b64encode(value.encode()).decode(),
    "login": lambda value: b64encode(f"me:{value}".encode()).decode(),
}


@given(values, texts, texts)
@example("aaaaaaaa", "aaa", "aaaaaaaaaaa")
def test_nothing_of_a_whole_value_is_left_at_any_offset(value: str, before: str, after: str) -> None:
    left = redacted(f"{before}{value}{after}", known("NAME", value))
    assert "[NAME]" in left
    assert not [run for run in runs(value) if run in left and run not in before and run not in after]


@pytest.mark.parametrize("form", FORMS)
@given(value=values)
@example(value='it\'s "quoted" <é> & 100% \\n')
def test_nothing_of_a_value_is_left_in_any_form(value: str, form: str) -> None:
    written = FORMS[form](value)
    left = redacted(f"<{written}>", known("", value))
    assert "[]" in left
    assert not [run for run in runs(value) if run in left]
    assert len(left) <= 16  # of base64, some characters that depend on others are left, and the quotes of a literal


@pytest.mark.parametrize("form", FORMS)
def test_an_awkward_value_is_hidden_in_each_form(form: str) -> None:
    value = 'it\'s "quoted" <é> & 100% \\n'
    assert redacted(f"<{FORMS[form](value)}>", known("", value)).count("[]") == 1


@given(st.lists(alike, min_size=1, max_size=4, unique=True), st.lists(alike | st.just(" "), max_size=6), st.integers(0, RUN))
@example(["aaaaaaaab", "aaaaaaaa"], ["aaaaaaaab"], 0)
@example(["ab1ab1ab", "1ab1abbb"], ["ab1ab1ab", "1abbb"], 0)
def test_secrets_that_overlap_are_all_hidden_and_marks_stay(secrets: list[str], around: list[str], overlap: int) -> None:
    names = dict(zip(secrets, [*secrets[1:], "NAME"], strict=True))  # some marks look like secrets
    forms = longest_first([(value, f"[{name}]") for value, name in names.items()])
    text = " ".join(around) + secrets[0] + secrets[-1][overlap:] + "".join(around)
    once = redacted(text, forms)
    assert redacted(once, forms) == once
    for name in names.values():
        once = once.replace(f"[{name}]", "\n")
    assert not [value for value in secrets if value in once]


def test_the_longest_of_overlapping_secrets_gives_its_name() -> None:
    forms = [("ab1ab1ab1ab", "[LONG]"), ("1ab1ab1abbb", "[ALSO]"), ("ab1ab1ab", "[SHORT]")]
    assert redacted("-ab1ab1ab1ab-ab1ab1ab-", forms) == "-[LONG]-[SHORT]-"
    assert redacted("xab1ab1ab1abbb ab1ab1abab1ab1ab", forms) == "x[LONG] [SHORT][SHORT]"


OTHERS = [(f"{number:03}{letter * 9}", f"[OTHER_{number}]") for number, letter in enumerate("~^_" * 50)]
"""So many forms that each is looked for by its end, and that no text here holds."""


@given(st.lists(alike, min_size=1, max_size=4, unique=True), st.lists(alike | st.just(" "), max_size=6), st.text(max_size=9))
@example(["ab1ab1ab1a"], ["ab1ab1ab"], "x")
@example(["aaaaaaaa"], ["aaaaaaaa"], "[OTHER_7]")
def test_what_is_hidden_does_not_depend_on_how_many_others_are_known(secrets: list[str], around: list[str], before: str) -> None:
    names = dict(zip(secrets, [*secrets[1:], "NAME"], strict=True))
    forms = longest_first([(value, f"[{name}]") for value, name in names.items()])
    for text in (before + " ".join(around) + secrets[0], before + "".join(around), before):
        assert redacted(text, longest_first([*forms, *OTHERS])) == redacted(text, forms)


@given(st.text(max_size=20), st.text(max_size=20), st.text(min_size=RUN, max_size=30))
@example("", "", "é" * RUN)
@example("\U0001f600", "", "\udc80" * RUN)
def test_one_of_many_is_found_wherever_it_stands(before: str, after: str, value: str) -> None:
    assert redacted(f"{before}{value}{after}", [(value, "[]"), *OTHERS]) == redacted(f"{before}{value}{after}", [(value, "[]")])


@given(texts)
def test_a_text_without_a_secret_stays_as_it_is(text: str) -> None:
    assert redacted(text, [("é" * RUN, "[NAME]")]) == text


# What a command shows.


tokens = st.text(st.sampled_from("Qx7"), min_size=3, max_size=30).map("Q{}7".format)
"""Values that are nowhere else on a command line."""
harmless = st.sampled_from(
    [
        "ls",
        "-l",
        "-p",
        "80:80",
        "--host=db",
        "--output",
        "a b",
        "",
        "https://example.com:80/a?b=c@d",
        "ssh://git@example.com/x",
        "*.txt",
    ]
)


def nested(depth: int, script: str) -> list[str]:
    """Return the command of a shell that starts a shell, and so on, that runs a script."""
    words = ["sh", "-c", script]
    return words if depth == 1 else nested(depth - 1, shlex.join(words))


SHOWN: dict[str, Callable[[str], list[str]]] = {
    "option": lambda value: ["--password", value],
    "assigned option": lambda value: [f"--api-token={value}"],
    "long option with one dash": lambda value: ["java", "-keystorePassword", value, f"-Ddb.password={value}"],
    "assignment": lambda value: ["env", f"DB_PASSWORD={value}"],
    "variable": lambda value: ["docker", "run", "-e", f"API_TOKEN={value}", f"--env=PASSPHRASE={value}"],
    "url in a variable": lambda value: [f"HOOK_URL=https://example.com/services/{value}{value}{value}", f"--url=https://a:{value}@b"],
    "mysql": lambda value: ["sudo", "/usr/bin/mysqldump", "-u", "me", f"-p{value}"],
    "mongo": lambda value: ["mongodump", "-p", value],
    "sshpass": lambda value: ["sshpass", "-p", value, "ssh", "host"],
    "curl": lambda value: ["curl", "-su", f"me:{value}", "--proxy-user", f"me:{value}", f"-ume:{value}"],
    "docker": lambda value: ["docker", "login", "-u", "me", "-p", value],
    "redis": lambda value: ["redis-cli", "-a", value],
    "login": lambda value: [
        f"postgres://me:{value}@db/shop",
        f"postgres://me:a/{value}@db/shop",
        f"https://{value}{value}@example.com",
    ],
    "header": lambda value: ["curl", "-H", f"Authorization: Bearer {value}", f"-HX-Api-Key:{value}", f"--header=Cookie: {value}"],
    "query": lambda value: [f"https://example.com/?access_token={value}"],
    "json": lambda value: ["curl", "-d", json.dumps({"a": 1, "password": f'{value}"{value}'})],
    "script": lambda value: ["sh", "-c", f"DB_PASSWORD='a {value}' x | mysql \"-p{value}\" && y --token \"{value}\" > 'a b'"],
    "script in a script": lambda value: ["bash", "-c", f"ssh host 'sh -c \"mysql -p{value}\"'"],
    "script in scripts": lambda value: [
        "sh",
        "-c",
        shlex.join(["sh", "-c", shlex.join(["sh", "-c", f"sh -c 'x --password {value}'"])]),
    ],
}


@pytest.mark.parametrize("way", SHOWN)
def test_a_secret_in_each_place_of_a_command_is_masked(way: str) -> None:
    shown = masked_command(SHOWN[way]("Q7xQx7"))
    assert "..." in shown
    assert "Q7xQx7" not in shown


@given(tokens, st.sampled_from(list(SHOWN)), st.lists(harmless, max_size=2), st.lists(harmless, max_size=2))
def test_no_secret_is_in_a_command_that_is_shown(value: str, way: str, before: list[str], after: list[str]) -> None:
    words = [*before, *SHOWN[way](value), *after]
    shown = masked_command(words)
    assert "..." in shown
    assert value not in shown
    assert masked_command(shlex.split(shown)) == shown
    assert len(shown) <= 3 * len(shlex.join(words))


@given(st.lists(harmless))
@example(["mysql", "-p", "shop"])
@example(["docker", "login", "--password-stdin", "registry.example.com"])
@example(["x", "--password", "--verbose", "--no-password", "shop", "--password="])
@example(["x", "--password-file", "/run/secrets/9f8e7d6c5b4a", "--token-path=/run", "--base-url", "https://example.com/documentation"])
@example(["curl", "-H", "Accept: text/plain", "-d", '{"a": "b"}', "token: x"])
@example(["sh", "-c", "ls | grep 'a  b' > \"c d\""])
@example(["sh", "-c", 'an "unfinished quote and a backslash \\'])
def test_other_arguments_stay_as_they_are(words: list[str]) -> None:
    assert masked_command(words) == shlex.join(words)


odd = st.text(st.sampled_from("ab=:/@-\"'\\ p.$;|{}"), max_size=20)


@given(
    st.lists(
        odd | harmless | st.sampled_from(["sh", "-c", "mysql", "curl", "-H", "--password", "token", "--user", "login"]), max_size=6
    )
)
@example(["sh", "--password='"])
def test_masking_a_masked_command_changes_nothing_and_adds_little(words: list[str]) -> None:
    shown = masked_command(words)
    assert masked_command(shlex.split(shown)) == shown
    assert len(shown) <= 3 * len(shlex.join(words))


@given(st.sampled_from(["'", '"']), values)
def test_a_secret_in_quotation_marks_is_hidden_without_them_too(mark: str, value: str) -> None:
    assert set(secret_parts(value, used=True)) <= set(secret_parts(f"{mark}{value}{mark}", used=True))
    url = "https://hooks.slack.com/services/T0/B0/c4naryc4nary"
    assert "c4naryc4nary" in found_parts("SLACK_WEBHOOK_URL", f"{mark}{url}{mark}")
