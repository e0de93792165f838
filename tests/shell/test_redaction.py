"""Redaction hides each form of a secret's value, for as long as the value is known."""

import logging
import threading
from base64 import b64encode
from collections.abc import Callable
from urllib.parse import quote
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import override

from tocsin.shell import redaction
from tocsin.shell.adapters.secrets import Secret, Secrets

OTHERS = 16  # forgotten values that stay hidden


def forgotten_values(count: int) -> None:
    """Remember and forget ``count`` other values."""
    for _ in range(count):
        value = uuid4().hex
        redaction.remember("OTHER", value)
        redaction.forget("OTHER", value)


def test_what_is_already_being_handled_stays_known() -> None:
    def fail() -> None:
        raise ArithmeticError

    def act() -> None:
        try:
            raise KeyError
        except KeyError:
            redaction.contained(fail)

    with pytest.raises(ArithmeticError) as caught:
        act()
    assert isinstance(caught.value.__context__, KeyError)
    assert not caught.value.__suppress_context__


@pytest.mark.parametrize(
    "form",
    [
        lambda url: url,
        lambda url: url.removeprefix("https://hooks.slack.com"),
        lambda url: url.rpartition("/")[2],
        quote,
        lambda url: quote(url, safe=""),
        lambda url: b64encode(url.encode()).decode(),
        lambda url: b64encode(f"a{url}b".encode()).decode(),
        lambda url: b64encode(f"ab{url}".encode()).decode(),
    ],
)
def test_each_form_of_a_secret_is_redacted(form: Callable[[str], str]) -> None:
    url = "https://hooks.slack.com/services/T0/B0/CANARY+éaRe9kQpLzXw"
    Secret("HOOK", url)
    text = redaction.redact(f"<{form(url)}>")
    assert "[HOOK]" in text
    assert "aRe9kQpLzXw" not in text
    assert len(text) < 40


def test_each_line_of_a_long_secret_is_redacted_anywhere() -> None:
    lines = [f"{number}MIIEowIBAAKCAQEA+longline" for number in range(3)]
    Secret("PEM", "\r\n".join(["  head", *(f"  {line}" for line in lines), "short"]))
    assert redaction.redact(f"> {lines[1]} <\n\t{lines[2]}\nshort head") == "> [PEM] <\n\t[PEM]\nshort head"


@pytest.mark.parametrize("tail", ["", "?create=1", "/start?create=1", "/backup", "#5f0c8a52"])
def test_the_token_of_a_url_is_redacted_anywhere(tail: str) -> None:
    token = uuid4().hex  # a new one each time: a registered value stays registered
    Secret("PING", f"https://hc.example-host.com/{token}{tail}")
    for text in (f"no such check: /{token}{tail}", f"no such check: {token}", f"/{token}/fail"):
        assert token not in redaction.redact(text)


def test_the_token_in_the_query_of_a_url_is_redacted() -> None:
    Secret("QUERY", "https://hc.example-host.com?rid=1&key=q0p9o8i7u6y5t4r3")
    assert redaction.redact("q0p9o8i7u6y5t4r3 is unknown to hc.example-host.com") == "[QUERY] is unknown to hc.example-host.com"


def test_short_values_and_strange_ones() -> None:
    Secret("SHORT", "abcdefg")
    Secret("STRANGE", 'qrst"\udc80\\n')
    assert redaction.redact("abcdefg") == "abcdefg"
    assert redaction.redact(repr('<qrst"\udc80\\n>')) == "'<[STRANGE]>'"


def test_the_log_filter_reaches_every_part_of_a_record(caplog: pytest.LogCaptureFixture) -> None:
    Secret("LOGGED", "loggedcanary")
    redaction.guard_logs()
    redaction.guard_logs()
    logger = logging.getLogger("urllib3.connectionpool")
    assert len([one for one in logger.filters if type(one).__module__.startswith("tocsin")]) == 1
    caplog.set_level(logging.DEBUG)
    logger.debug("in %s and %d", ["loggedcanary"], 3)
    logger.debug("loggedcanary by %(name)s", {"name": "loggedcanary"})
    logger.debug("loggedcanary alone")
    try:
        raise ValueError("loggedcanary")
    except ValueError:
        logger.debug("raised", exc_info=True)
    messages = [record.getMessage() for record in caplog.records]
    assert messages == ["in ['[LOGGED]'] and 3", "[LOGGED] by [LOGGED]", "[LOGGED] alone", "raised"]
    assert "ValueError: [LOGGED]" in caplog.text
    assert "loggedcanary" not in caplog.text


def test_the_password_in_a_url_is_a_secret_by_itself() -> None:
    redaction.remember("DATABASE_URL", "postgres://app:hunter22@db.example.com/shop")
    assert redaction.redact("no access for app with hunter22") == "no access for app with [DATABASE_URL]"
    assert redaction.redact("app at db.example.com") == "app at db.example.com"


def test_a_suspected_value_that_is_a_word_is_hidden_once_it_is_used() -> None:
    redaction.suspect("POSTGRES_PASSWORD", "postgres")
    redaction.suspect("HOME", "/home/9f8e7d6c5b4a")
    redaction.suspect("API_TOKEN", "9f8e7d6c5b4a")
    assert redaction.redact("postgres backup in /home/9f8e7d6c5b4a") == "postgres backup in /home/[API_TOKEN]"
    redaction.remember("POSTGRES_PASSWORD", "postgres")
    assert redaction.redact("postgres backup") == "[POSTGRES_PASSWORD] backup"


def test_what_is_forgotten_shows_once_others_were_forgotten_too() -> None:
    value = uuid4().hex
    redaction.remember("TOKEN", value)
    redaction.forget("TOKEN", value)
    forgotten_values(OTHERS - 1)
    assert redaction.redact(value) == "[TOKEN]"
    forgotten_values(1)
    assert redaction.redact(value) == value


@given(st.integers(1, 5), st.integers(0, 6))
def test_a_value_is_hidden_until_each_remember_is_undone(remembered: int, forgotten: int) -> None:
    value = uuid4().hex
    for _ in range(remembered):
        redaction.remember("TOKEN", value)
    for _ in range(forgotten):
        redaction.forget("TOKEN", value)
    forgotten_values(OTHERS)
    assert redaction.redact(f"<{value}>") == (f"<{value}>" if forgotten >= remembered else "<[TOKEN]>")


def test_a_secret_stays_hidden_where_a_token_with_its_value_goes() -> None:
    value = uuid4().hex
    assert Secrets({"LASTING": value}).find("LASTING") == Secret("LASTING", value)
    redaction.remember("TOKEN", value)
    redaction.forget("TOKEN", value)
    forgotten_values(OTHERS)
    assert redaction.redact(value) == "[LASTING]"


class Slow(str):
    """A value whose hash blocks until ``done`` is set."""

    __slots__ = ()
    held = threading.Event()
    done = threading.Event()

    @override
    def __hash__(self) -> int:
        self.held.set()
        self.done.wait()
        return super().__hash__()


def test_a_child_may_remember_while_another_thread_of_its_parent_is_just_about_to() -> None:
    thread = threading.Thread(target=lambda: redaction.remember("PARENTS", Slow(uuid4().hex)))
    thread.start()
    Slow.held.wait()
    redaction._memory.forget()  # as in a forked child
    value = uuid4().hex
    redaction.remember("CHILDS", value)
    Slow.done.set()
    thread.join()
    assert redaction.redact(value) == "[CHILDS]"


SPLIT = [
    "hun\x1b[1mter22\x1b[0mxq",
    "hunter\x0022xq",
    "xunter22xq\rh",
    "hunter2_\b2xq",
    "hunter\x1b]0;t\x0722xq",
    "h\x1b[31mu\x1b[mnter22xq\x7f",
    "hunter\x1b[0m22xq\x1b[m",
]


@pytest.mark.parametrize("text", SPLIT)
def test_a_control_character_hides_no_secret(text: str) -> None:
    redaction.remember("SPLIT", "hunter22xq")
    try:
        assert redaction.redact(f"login:\n{text}\nrefused") == "login:\n[SPLIT]\nrefused"
        assert redaction.redact("\x1b[31mno secret\x1b[0m") == "\x1b[31mno secret\x1b[0m"
    finally:
        redaction.forget("SPLIT", "hunter22xq")
