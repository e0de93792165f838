"""Tests of findings for errors whose reason names the remedy: that remedy is used."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.core.delivery.destinations import webhook_fault
from tocsin.core.diagnosis import Finding, Seen, announced_states, announces, finding, no_bot_token, unset
from tocsin.core.filters.algebra import nothing
from tocsin.core.filters.policies import on_change
from tocsin.core.notifiers import SlackNotifier
from tocsin.core.outcomes import DeliveryError, Receipt, Rejected
from tocsin.core.services.connection import Peer, handshake_failure, proxy_refusal
from tocsin.core.services.google import AccessToken, AuthorizedUser, login_reply, password_reply, token_reply
from tocsin.core.services.slack_api import bot_reply, webhook_reply
from tocsin.core.states import KINDS, State, TimedOut

USER = AuthorizedUser("id", "s", "r")
PROXY, MAIL = Peer("p", 1, is_proxy=True), Peer("HOST", 25)


def refused(outcome: Receipt | DeliveryError | AccessToken) -> DeliveryError:
    assert isinstance(outcome, DeliveryError)
    return outcome


@pytest.mark.parametrize(
    ("error", "what", "write"),
    [
        (refused(bot_reply(200, {"error": "channel_not_found"})), "Slack answered channel_not_found", "there is no such channel, or"),
        (refused(bot_reply(200, {"error": "invalid_auth"})), "Slack answered invalid_auth", "the token is not valid, or not from "),
        (
            refused(bot_reply(200, {"error": "no_text"})),
            "Slack answered no_text",
            "the message has no text, which is a bug of ours: pl",
        ),
        (refused(bot_reply(404, {})), "Slack answered HTTP 404, which is no acceptance: nothing", "look whether a proxy"),
        (refused(bot_reply(429, {})), "Slack asks for fewer messages (HTTP 429)", "try again later"),
        (
            refused(webhook_reply(404, "no_service")),
            "Slack answered no_service (HTTP 404): the webhook",
            "in Slack's app settings create",
        ),
        (
            Rejected("to post to Slack as an app needs the extra: pip install x"),
            "to post to Slack as an app needs the",
            "pip install x",
        ),
        (
            Rejected("the token in the secret 'T' is refused: it is none: copy it"),
            "the token in the secret 'T' is",
            "it is none: copy it",
        ),
        (
            Rejected("the JSON in the secret 'P' is refused: it is not: copy"),
            "the JSON in the secret 'P' is refused",
            "it is not: copy",
        ),
        (Rejected("the secret 'P' holds OAuth credentials, which need google-auth: pip"), "the secret 'P' holds OAuth cred", "pip"),
        (Rejected("the private_key of the service account is no key: copy"), "the private_key of the service account is", "copy"),
        (
            refused(token_reply(USER, 400, '{"error": "invalid_grant"}')),
            "Google gives no access token (invalid_grant)",
            "the refresh t",
        ),
        (refused(token_reply(USER, 200, "{}")), "Google's token endpoint answered without an", "look whether a proxy"),
        (
            refused(token_reply(USER, 200, '{"access_token": "t", "scope": "x"}')),
            "the access token does not allow mail",
            "make a new r",
        ),
        (refused(token_reply(USER, 503, "")), "Google's token endpoint has trouble of its own (HTTP 503)", "try again later"),
        (login_reply(535, ""), "Gmail refused the access token (it says: 535 )", "it must be one of the account that sends, with"),
        (login_reply(535 + 1, "5.7.8 no"), "Gmail refused the login (it says: 536 5.7.8 no)", "ask its operator what"),
        (
            password_reply(504, "5.5.4 no"),
            "Gmail takes no login by password (AUTH PLAIN) on this port (it says: 504",
            "name another server",
        ),
        (
            Rejected("the certificate of HOST is not trusted (no issuer): put it"),
            "the certificate of HOST is not trusted (no",
            "put it",
        ),
        (proxy_refusal(PROXY, "HOST", 403, "No"), "the proxy p:1 does not lead to HOST (it says: 403 No)", "check the proxy settings"),
        (
            proxy_refusal(PROXY, "HOST", 407, "No"),
            "the proxy p:1 does not lead to HOST (it says: 407 No)",
            "write its login into HTTPS",
        ),
        (proxy_refusal(PROXY, "HOST", None), "the proxy p:1 does not lead to HOST", "check the proxy settings"),
        (
            handshake_failure(PROXY, b"HTTP/1.1 400", "HTTP/1.1 400 no: x", "X"),
            "the proxy p:1 speaks no TLS (it says: HTT",
            "write http://",
        ),
        (
            handshake_failure(MAIL, b"220 hi", "220 hi", "X"),
            "HOST speaks SMTP without TLS on port 25 (it says: 220 hi)",
            "name the port on",
        ),
        (
            handshake_failure(MAIL, b"\x15\x03", "", "NO_SHARED_CIPHER"),
            "HOST and this machine agree on no TLS connection (",
            "its operator",
        ),
        (
            Rejected(f"the webhook URL in the secret 'S' is refused: {webhook_fault(chr(34) * 2)}"),
            "the webhook URL in the secret 'S' is refused: it stands in quotation marks",
            "write it without them",
        ),
        (
            Rejected("the proxy in HTTPS_PROXY, or in slack.proxies, is refused: SOCKS proxies are not supported: name x"),
            "the proxy in HTTPS_PROXY, or in slack.proxies, is refused: SOCKS proxies are not supported",
            "name x",
        ),
        (Rejected("no request to HOST can be made (ValueError): check"), "no request to HOST can be made (ValueError)", "check"),
    ],
)
def test_an_error_and_its_remedy(error: DeliveryError, what: str, write: str) -> None:
    found = finding(Seen(error, "HOST", "NAME"))
    assert found.about == "HOST"
    assert found.what.startswith(what)
    assert found.remedy is not None
    assert found.remedy.startswith(write)


def test_a_missing_secret_for_slack() -> None:
    assert unset("OURS", token=True) == "set OURS to the Bot User OAuth Token of an app, which Slack's app settings give"
    assert unset("OURS", token=False) == "set OURS to the URL of an Incoming Webhook, which Slack's app settings give"
    write = "in Slack's app settings, under OAuth & Permissions, copy the Bot User OAuth Token, and put it where OURS is"
    assert no_bot_token("OURS") == Finding("OURS", "this is no bot token, which begins with xoxb-", write)


STATES = st.lists(st.sampled_from(KINDS), max_size=4)


def words(text: str) -> set[str]:
    return set(re.split(", | and | or ", text))


@given(STATES, STATES)
def test_the_sentence_about_a_notifier_says_the_same_as_the_table_of_its_states(
    only: list[type[State]], ignored: list[type[State]]
) -> None:
    notifier = SlackNotifier(only_states=only, ignore_states=ignored)
    told, _, untold = announced_states(notifier).partition(", but not ")
    named = dict.fromkeys(words(told), True) | dict.fromkeys(words(untold), False)
    for kind in KINDS:
        nearest = (named.get("every state" if each is State else each.__name__) for each in kind.__mro__)
        assert next((answer for answer in nearest if answer is not None), False) is (announces(notifier, kind) == "yes")


def test_a_filter_that_needs_more_than_the_state_says_perhaps() -> None:
    notifier = SlackNotifier(ignore_states=[TimedOut], when=on_change())
    assert announced_states(notifier) == "perhaps Success and Failed, but not TimedOut"
    assert announced_states(SlackNotifier(when=nothing)) == "no state"
