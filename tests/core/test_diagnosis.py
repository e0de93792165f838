"""Tests of the remedies: each problem has one, by the evidence."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.core.config.problems import Problem
from tocsin.core.delivery.destinations import webhook_fault
from tocsin.core.diagnosis import Finding, Seen, announces, clock, finding, missing, of_problems, remedy
from tocsin.core.notifiers import GmailNotifier, SlackNotifier
from tocsin.core.outcomes import Ambiguous, Delivered, DestinationDead, Rejected, Retryable
from tocsin.core.services.connection import Peer, Trust
from tocsin.core.services.connection import untrusted as untrusted_by
from tocsin.core.services.google import smtp_reply
from tocsin.core.services.slack_api import webhook_reply
from tocsin.core.states import KINDS, Failed, Running, State
from tocsin.filters import attempt, final_attempt, named

NOW = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
NEW = "in Slack's app settings create an Incoming Webhook, and put its URL where TEAM_WEBHOOK is"
ERRORS = st.builds(Retryable, st.text()) | st.builds(Rejected, st.text()) | st.builds(DestinationDead, st.text())


@pytest.mark.parametrize(
    ("untrusted", "expected"),
    [
        (
            "certificate is not yet valid",
            "set this machine's clock, which says 2026-01-02 03:04 UTC: a certificate that begins in the fu",
        ),
        (
            "certificate has expired",
            "set this machine's clock, which says 2026-01-02 03:04 UTC; if it is right, the operator of HOST must",
        ),
        ("Hostname mismatch, certificate is not valid for 'HOST'.", "another server answers in place of HOST: look at /etc/hosts"),
        (
            "self-signed certificate in certificate chain",
            "if a company, or its proxy, signs the traffic, set TOCSIN_SLACK_CA_BUNDLE, or SSL_CERT_FILE, to the file of its CA cert",
        ),
        ("unable to get local issuer certificate", "if a company, or its proxy, signs the traffic, set TOCSIN_SLACK_CA_BUNDLE, or "),
        ("Missing Authority Key Identifier", "Python 3.13 and newer ask this of certificates: have the CA issue its own certifi"),
    ],
)
def test_a_certificate(untrusted: str, expected: str) -> None:
    trust = Trust("TOCSIN_SLACK_CA_BUNDLE")
    found = finding(Seen(untrusted_by(Peer("HOST"), untrusted, trust), "HOST", "S", untrusted=untrusted, now=NOW, trust=trust))
    assert found.what == f"the certificate of HOST is not trusted ({untrusted})"
    assert found.remedy is not None
    assert found.remedy.startswith(expected)


def test_a_clock_that_was_not_read_is_not_quoted() -> None:
    assert remedy(Seen(Rejected(""), "HOST", "S", untrusted="not yet valid")).startswith("set this machine's clock: ")


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        *((404, body, f"{NEW}: this one is revoked") for body in ("no_service", "no_active_hooks", "no_service_id", "no_team")),
        (403, "invalid_token", f"{NEW}: this one is revoked"),
        (410, "channel_is_archived", f"{NEW}, for another channel"),
        (403, "action_prohibited", f"{NEW}, for another channel"),
        (429, "", "try again later"),
    ],
)
def test_an_answer_of_slack(status: int, body: str, expected: str) -> None:
    error = webhook_reply(status, body)
    assert not isinstance(error, Delivered)
    assert isinstance(error, Retryable | Rejected | DestinationDead)
    assert remedy(Seen(error, "hooks.slack.com", "TEAM_WEBHOOK")) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://hooks.slack.com/triggers/x", f"{NEW}: a workflow's URL takes no messages"),
        ("https://hooks.slack.com/workflows/x", f"{NEW}: a workflow's URL takes no messages"),
        ("https://example.com/x", f"{NEW}; another host must stand in slack.allowed_hosts"),
        ("http://hooks.slack.com/x", f"{NEW}, whole, from https:// on"),
    ],
)
def test_a_refused_webhook_url(url: str, expected: str) -> None:
    error = Rejected(f"the webhook URL in the secret 'TEAM_WEBHOOK' is refused: {webhook_fault(url)}")
    assert remedy(Seen(error, "hooks.slack.com", "TEAM_WEBHOOK")) == expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (534, "create an app password (https://support.google.com/accounts/answer/185833), and put it where EMAIL_PASSWORD is"),
        (535, "create an app password (https://support.google.com/accounts/answer/185833), and put it where EMAIL_PASSWORD is"),
        (454, "wait: the account has a limit, which ends by itself"),
        (421, "try again later"),
    ],
)
def test_an_answer_of_gmail(code: int, expected: str) -> None:
    for seen in (code, None):  # a test message has no code
        assert finding(Seen(smtp_reply(code, "no"), "smtp.gmail.com", "EMAIL_PASSWORD", code=seen)).remedy == expected


def test_another_mail_server_gets_no_page_of_google() -> None:
    found = finding(Seen(smtp_reply(535, "5.7.8 bad: no", "mail.example.com"), "mail.example.com", "EMAIL_PASSWORD", code=535))
    assert found.what == "mail.example.com refused the login (it says: 535 5.7.8 bad: no)"
    assert found.remedy == "correct EMAIL_USERNAME or EMAIL_PASSWORD"


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("cannot reach HOST: its name does not resolve", "look whether this machine has a network and a name server; "),
        ("cannot reach HOST: the connection was refused", "a firewall may be in the way: let this machine reach HOST; "),
        ("HOST did not answer in time", "a firewall may be in the way: "),
        ("cannot reach the proxy p:1: the connection was refused", "correct HTTPS_PROXY, or slack.proxies, or name HOST in NO_PROXY"),
        ("ca_bundle is refused: /x cannot be read: No such file", "name a file of CA certificates, in PEM form, that you can read"),
        ("the user name in the secret 'EMAIL_USERNAME' is refused", "put the whole address of the account where S is"),
    ],
)
def test_a_reason(reason: str, expected: str) -> None:
    assert remedy(Seen(Retryable(reason), "HOST", "S")).startswith(expected)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (407, "the proxy http://p:1 wants a login: write HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT"),
        (403, "correct HTTPS_PROXY, or slack.proxies (http://p:1), or name HOST in NO_PROXY to go there directly"),
        (None, "correct HTTPS_PROXY, or slack.proxies (http://p:1), or name HOST in NO_PROXY to go there directly"),
    ],
)
def test_a_proxy(code: int | None, expected: str) -> None:
    assert remedy(Seen(Retryable("no"), "HOST", "S", code=code, proxy="http://p:1")) == expected


@given(ERRORS | st.builds(Ambiguous, st.text()), st.none() | st.text(), st.none() | st.integers(), st.none() | st.just("http://p:1"))
def test_each_problem_has_a_remedy(error: Retryable | Rejected, untrusted: str | None, code: int | None, proxy: str | None) -> None:
    found = finding(Seen(error, "HOST", "S", untrusted, code, proxy))
    assert found.remedy
    assert found.is_fault


@pytest.mark.parametrize("minutes", [-6, -5, 0, 5, 6])
def test_a_clock_that_is_off(minutes: int) -> None:
    found = clock("HOST", NOW + timedelta(minutes=minutes), NOW)
    word = {-6: "ahead of", 6: "behind"}.get(minutes)
    assert (found is None) is (word is None)
    assert found is None or found.what == f"this machine's clock is 6 m {word} that of HOST"


@pytest.mark.parametrize(
    ("reason", "found"),
    [
        ("the secret 'S' is not set: set S", Finding("S", "not set", "set S")),
        ("F is refused: others can read it: chmod 600 F", Finding("S", "F is refused: others can read it", "chmod 600 F")),
        ("F: Permission denied", Finding("S", "F: Permission denied", "chown the file to the user who runs this, and chmod it 600")),
        ("F is not UTF-8", Finding("S", "F is not UTF-8", "correct the file, or what names it")),
    ],
)
def test_a_secret_that_cannot_be_read(reason: str, found: Finding) -> None:
    assert missing("S", reason) == found


def test_problems_of_configuration_are_findings() -> None:
    assert of_problems([Problem("F:1", "bad", "write good")]) == (Finding("F:1", "bad", "write good"),)


@given(st.sampled_from(KINDS), st.sets(st.sampled_from(KINDS)), st.sets(st.sampled_from(KINDS)))
def test_what_is_announced_is_what_the_filter_passes(kind: type[State], only: set[type[State]], ignored: set[type[State]]) -> None:
    notifier = SlackNotifier(only_states=only, ignore_states=ignored)
    assert announces(notifier, kind) == ("yes" if notifier.filter.settles(kind) else "no")
    assert announces(GmailNotifier(when=named("x")), kind) == announces(GmailNotifier(when=attempt(1)), kind) == "perhaps"
    assert announces(GmailNotifier(only_states=[Failed], when=final_attempt), Running) == "no"
