"""Invalid settings raise ValueError with a one-line message."""

import pickle
from collections.abc import Callable
from pathlib import Path

import attrs
import pytest

from tocsin.shell.adapters.mail_gmail import Gmail
from tocsin.shell.adapters.settings import CheckedOnUse
from tocsin.shell.adapters.slack_webhook import SlackWebhook


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: SlackWebhook(deadline=-1), "deadline is a number of seconds greater than 0, not -1"),
        (lambda: SlackWebhook(read_timeout=0), "read_timeout is a number of seconds greater than 0, not 0"),
        (lambda: Gmail(connect_timeout=float("nan")), "connect_timeout is a number of seconds greater than 0, not nan"),
        (lambda: Gmail(deadline=float("inf")), "deadline is a number of seconds greater than 0, not inf"),
        (lambda: Gmail(port=0), "port is a number from 1 to 65535, not 0"),
        (lambda: Gmail(host="https://x"), "host is the name of a host, like smtp.gmail.com, not 'https://x'"),
        (lambda: SlackWebhook(allowed_hosts="a.b"), "allowed_hosts is a tuple of names: write ('a.b',)"),
        (lambda: SlackWebhook(ca_bundle="/no/file"), "ca_bundle is refused: /no/file cannot be read: No such file or directory"),
        (lambda: Gmail(ca_bundle=Path(__file__)), f"ca_bundle is refused: {__file__} holds no certificate in PEM form"),
        (lambda: Gmail(ca_bundle=Path(__file__).parent), f"ca_bundle is refused: {Path(__file__).parent} is a folder, not a file"),
    ],
)
def test_nonsense_is_a_value_error(make: Callable[[], object], why: str) -> None:
    with pytest.raises(ValueError, match=r"^[^\n]*$") as caught:
        make()
    assert str(caught.value) == why


def test_a_proxy_is_shown_without_its_password() -> None:
    slack = SlackWebhook(allowed_hosts=["a.b"], proxies={"https": "http://me:you@proxy:3128"})
    assert repr(slack) == (
        "SlackWebhook(allowed_hosts=('a.b',), ca_bundle=None, connect_timeout=5.0, read_timeout=10.0, deadline=30.0,"
        " proxies={'https': 'http://...@proxy:3128'}, api='https://slack.com/api/')"
    )


@pytest.mark.parametrize("adapter", [SlackWebhook, Gmail])
def test_a_bundle_that_is_checked_on_use_stays_so_in_a_copy(adapter: type[SlackWebhook] | type[Gmail]) -> None:
    given = adapter(ca_bundle=CheckedOnUse("/no/file"))
    assert given == pickle.loads(pickle.dumps(given)) == attrs.evolve(given, deadline=30.0)
    assert attrs.evolve(pickle.loads(pickle.dumps(given)), deadline=1.0).ca_bundle == "/no/file"
