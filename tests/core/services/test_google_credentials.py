"""The JSON credentials of an account: what is read from them, and problems that repeat nothing of them."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tocsin.core.services.google import AuthorizedUser, ServiceAccount, is_grant, read_grant

USER = {"type": "authorized_user", "client_id": "id", "client_secret": "secret", "refresh_token": "refresh"}
SERVICE = {"type": "service_account", "client_email": "robot@x.y", "private_key": "key\n"}
ENDPOINT = "https://oauth2.googleapis.com/token"
NAMES = st.sampled_from([*USER, *SERVICE, "token_uri", "private_key_id", "installed"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["authorized_user", "service_account"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=4,
)


def test_a_user() -> None:
    user = read_grant(json.dumps(USER))
    assert user == AuthorizedUser("id", "secret", "refresh", ENDPOINT)
    assert isinstance(user, AuthorizedUser)
    assert user.secrets == ("secret", "refresh")
    assert repr(user) == f"AuthorizedUser(client_id='id', token_uri={ENDPOINT!r})"


def test_a_service_account() -> None:
    robot = read_grant(json.dumps({**SERVICE, "private_key_id": "1f", "universe_domain": "evil.example"}))
    assert robot == ServiceAccount("robot@x.y", "key\n", "1f", ENDPOINT)
    assert isinstance(robot, ServiceAccount)
    assert robot.secrets == ("key\n",)
    assert repr(robot) == f"ServiceAccount(client_email='robot@x.y', private_key_id='1f', token_uri={ENDPOINT!r})"


def test_a_password_is_none() -> None:
    assert is_grant("{}")
    assert not is_grant("abcd efgh ijkl mnop")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{", "it is not a JSON object: copy the file that Google gave, whole"),
        ("[]", "it is not a JSON object: copy the file that Google gave, whole"),
        ('{"a":' * 100_000, "it is not a JSON object: copy the file that Google gave, whole"),
        ('{"a": ' + "9" * 5_000 + "}", "it is not a JSON object: copy the file that Google gave, whole"),
        (
            '{"web": {}}',
            "it is the OAuth client's own file, which opens no account: make a refresh token with it, and put that JSON here",
        ),
        ('{"type": ["x"]}', "its type is not known: it must be authorized_user or service_account"),
        ('{"type": "external_account"}', "its type is not known: it must be authorized_user or service_account"),
        (json.dumps({**USER, "refresh_token": None}), "it has no refresh_token: copy the file that Google gave, whole"),
        (json.dumps({**USER, "client_id": " "}), "it has no client_id: copy the file that Google gave, whole"),
        (json.dumps({**USER, "client_secret": "\ud800"}), "it has no client_secret: copy the file that Google gave, whole"),
    ],
)
def test_one_that_will_not_do(text: str, fault: str) -> None:
    assert read_grant(text) == fault


@pytest.mark.parametrize("uri", [ENDPOINT, "https://oauth2.googleapis.com:443/token", "https://localhost:1/x"])
def test_an_endpoint_that_is_allowed(uri: str) -> None:
    found = read_grant(json.dumps({**USER, "token_uri": uri}), ("localhost",))
    assert isinstance(found, AuthorizedUser)
    assert found.token_uri == uri


@pytest.mark.parametrize(
    "uri",
    [
        "http://oauth2.googleapis.com/token",
        "https://oauth2.googleapis.com:8443/token",
        "https://oauth2.googleapis.com.evil.example/token",
        "https://oauth2.googleapis.com@evil.example/token",
        "https://evil.example/oauth2.googleapis.com",
        "https://localhost/token",
        "https://[",
        "",
        None,
        ["https://oauth2.googleapis.com/token"],
    ],
)
def test_an_endpoint_that_leads_astray(uri: object) -> None:
    fault = f"its token_uri does not lead to oauth2.googleapis.com: remove it, or write {ENDPOINT}"
    assert read_grant(json.dumps({**USER, "token_uri": uri})) == fault


@given(st.dictionaries(NAMES, VALUES), st.sampled_from([{}, USER, SERVICE]))
@example({}, USER)
@example({"token_uri": "\udfff"}, SERVICE)
def test_whatever_it_holds_it_is_judged(others: dict[str, object], known: dict[str, str]) -> None:
    found = read_grant(json.dumps({**known, **others}))
    if isinstance(found, str):
        assert found.partition(": ")[2]  # what to do
        return
    assert found.token_uri.startswith("https://oauth2.googleapis.com")
    assert all(part.strip() for part in found.secrets)
    assert not any(part in repr(found) for part in found.secrets if len(part) > 60)


@given(st.text())
def test_whatever_it_is_it_is_judged(text: str) -> None:
    assert isinstance(read_grant(text), str)


@given(st.sampled_from([*USER, "token_uri", "private_key"]))
def test_no_value_is_repeated(name: str) -> None:
    canary = "canary-of-mine\x00"  # unprintable: no part may be
    for known in (USER, SERVICE):
        found = read_grant(json.dumps({**known, name: canary}))
        assert "canary" not in repr(found)
