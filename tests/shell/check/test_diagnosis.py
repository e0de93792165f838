"""Findings without a connection about settings that keep messages from being sent."""

from pathlib import Path

import pytest

from tocsin.core.diagnosis import Finding
from tocsin.shell.check.diagnosis import diagnose_offline

SLACK = {"SLACK_WEBHOOK_URL": "https://hooks.slack.com/services/T0/B0/abcdefghijkl"}


def faults(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    monkeypatch.delenv("TOCSIN_NOTIFY", raising=False)  # the pytest plugin sets it too
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    findings: tuple[Finding, ...] = diagnose_offline(environment, Path.cwd()).findings
    return [(finding.about, finding.what) for finding in findings if finding.remedy]


def test_a_webhook_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    assert faults(SLACK, monkeypatch) == []
    assert faults({**SLACK, "TOCSIN_NOTIFY": "live"}, monkeypatch) == []


@pytest.mark.parametrize(
    ("word", "why"), [("print", "it says print"), ("none", "it says none"), ("prnt", "it is none of live, print, none")]
)
def test_an_environment_that_keeps_us_quiet_is_a_fault(word: str, why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert faults({**SLACK, "TOCSIN_NOTIFY": word}, monkeypatch) == [("TOCSIN_NOTIFY", f"nothing is sent: {why}")]


@pytest.mark.parametrize(
    ("name", "value", "missing"),
    [("EMAIL_USERNAME", "ops@example.com", "EMAIL_PASSWORD"), ("EMAIL_PASSWORD", "abcdabcdabcdabcd", "EMAIL_USERNAME")],
)
def test_half_of_what_mail_needs_is_a_fault(name: str, value: str, missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    half = {**SLACK, name: value}
    assert faults(half, monkeypatch) == [(missing, "no mail is sent without it, and the other half is set")]
    assert faults({**half, "TOCSIN_NOTIFIERS": "slack"}, monkeypatch) == []
