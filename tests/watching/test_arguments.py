"""A message shows the arguments of a call by the names of the parameters."""

from collections import deque
from collections.abc import Callable

import pytest

from tocsin import Recording, slack_notifier, watch
from tocsin.core.validation import invoke
from tocsin.shell.redaction import forget, remember
from tocsin.watching.arguments import shown_arguments


def plain(path: str, limit: int = 10) -> None: ...
def positional(path: str, /, *columns: str, limit: int = 10, **more: int) -> None: ...


class Loader:
    """A function, a method and a callable object."""

    @watch("load", state_handlers=[slack_notifier], show_arguments=True)
    def load(self, path: str) -> None: ...

    @classmethod
    @watch("load", state_handlers=[slack_notifier], show_arguments=True)
    def build(cls, path: str) -> None: ...

    @staticmethod
    @watch("load", state_handlers=[slack_notifier], show_arguments=True)
    def read(path: str) -> None: ...

    def __call__(self, path: str, limit: int) -> None: ...


class Lying:
    """A callable whose signature cannot be read."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    @property
    def __signature__(self) -> object:
        raise self.error

    def __call__(self, *args: object) -> None: ...


LONG = "x" * 1000
CALLS: list[tuple[object, tuple[object, ...], dict[str, object], str]] = [
    (plain, ("a.csv",), {"limit": 3}, "path='a.csv', limit=3"),
    (plain, ("a.csv", 3), {}, "path='a.csv', limit=3"),
    (plain, ("a.csv",), {}, "path='a.csv'"),
    (positional, ("a.csv", "id", "day"), {"limit": 3, "path": 4}, "path='a.csv', *columns=('id', 'day'), limit=3, path=4"),
    (positional, ("a.csv",), {"x": 1}, "path='a.csv', x=1"),
    (Loader(), ("a.csv",), {"limit": 3}, "path='a.csv', limit=3"),
    (plain, ("a.csv", 3, 4), {"other": 5}, "path='a.csv', limit=3, ..., other=5"),
    (plain, (), {}, ""),
    (Lying(SystemExit()), ("a.csv",), {}, "..."),
    (3, ("a.csv",), {"limit": 3}, "..., limit=3"),
    (plain, (LONG,), {}, f"path='{'x' * 162}… (839 more characters)"),
]


@pytest.mark.parametrize(("function", "arguments", "named", "text"), CALLS)
def test_each_value_has_its_name(function: object, arguments: tuple[object, ...], named: dict[str, object], text: str) -> None:
    assert shown_arguments(function, arguments, named).text == text


@pytest.mark.parametrize("method", [Loader().load, Loader.build, Loader().build, Loader.read])
def test_a_method_shows_no_self(method: Callable[[str], None], notifications: Recording) -> None:
    method("a.csv")
    assert [field.value for field in notifications.slack[-1].payload.fields if field.title == "Arguments"] == ["```path='a.csv'```"]


def test_an_interrupt_of_a_signature_passes() -> None:
    with pytest.raises(KeyboardInterrupt):
        shown_arguments(Lying(KeyboardInterrupt()), (), {})


def login(user: str, password: object = None, *tokens: str, api_key: object = "", url: str = "", **more: object) -> None: ...


@pytest.mark.parametrize(
    ("arguments", "named", "text"),
    [
        (("anna", "hunter2"), {}, "user='anna', password=..."),
        (("anna",), {"password": b"hunter2", "api_key": ["k1"]}, "user='anna', password=..., api_key=..."),
        (("anna",), {"db_password": "x", "max_tokens": 512, "port": 80}, "user='anna', db_password=..., max_tokens=512, port=80"),
        (("anna", "p", "t1", "t2"), {}, "user='anna', password=..., *tokens=..."),
        (("anna", None), {"url": "https://example.com/a"}, "user='anna', password=None, url='https://example.com/a'"),
        ((), {"user": "anna", "password": deque(["hunter2"]), "unknown_to": "x"}, "user='anna', password=..., unknown_to='x'"),
        (("anna",), {"url": "https://me:hunter22@example.com/a"}, "user='anna', url='https://...@example.com/a'"),
    ],
)
def test_the_name_of_a_parameter_tells_that_its_value_is_a_secret(
    arguments: tuple[object, ...], named: dict[str, object], text: str
) -> None:
    assert shown_arguments(login, arguments, named).text == text


def register(user: str, password: str, *, webhook_url: str = "", database_url: str = "") -> None: ...


def test_so_does_its_place_in_a_call_that_the_function_refuses() -> None:
    assert shown_arguments(register, ("anna", "hunter2", "hunter3"), {}).text == "user='anna', password=..., ..."


def test_what_is_secret_in_a_url_is_hidden() -> None:
    urls = {
        "webhook_url": "https://hooks.slack.com/services/T0AB/B0CD/a1b2C3d4E5f6G7h8",
        "database_url": "postgres://me:hunter22@db/shop?password=hunter23",
    }
    text = shown_arguments(register, ("anna", "hunter2"), urls).text
    assert text.startswith("user='anna', password=..., webhook_url='")
    assert not any(secret in text for secret in ("a1b2C3d4E5f6G7h8", "hunter22", "hunter23"))


def test_a_secret_in_an_argument_is_hidden(notifications: Recording) -> None:
    load = watch("load", state_handlers=[slack_notifier], show_arguments=True)(plain)
    remember("TOKEN", "s3cr3t-s3cr3t")
    try:
        invoke(load, "s3cr3t-s3cr3t", limit=3)
    finally:
        forget("TOKEN", "s3cr3t-s3cr3t")
    assert "path='[TOKEN]', limit=3" in notifications.slack[-1].payload.to_json()
