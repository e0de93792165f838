"""The checks of webhook URLs, addresses and proxies before a connection is opened."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.core.delivery.destinations import QUOTED, address_fault, https_fault, proxy_fault, webhook_fault

URL = "https://hooks.slack.com/services/T0/B0/x"
WORKFLOW = "it starts a workflow and takes no messages: create an Incoming Webhook instead"
MARKS = st.sampled_from([('"', '"'), ("'", "'"), ("\u201c", "\u201d"), ("\u2018", "\u2019")])
DETOURS = st.lists(st.sampled_from(["", ".", "x/..", "services/..", "%2e", "..", "\\"]), max_size=3)


def percent(word: str) -> str:
    return "".join(f"%{ord(letter):02x}" for letter in word)


SPELLINGS = st.sampled_from([str, str.upper, str.title, percent, lambda word: quote(percent(word)), lambda word: f"{word};v=1"])


@given(st.sampled_from(["triggers", "workflows"]), SPELLINGS, DETOURS, st.sampled_from(["", "/", "/T0/1/x", "?x=1", "#x"]))
def test_a_workflow_is_refused_however_its_url_is_written(word: str, spelled: object, detours: list[str], rest: str) -> None:
    assert callable(spelled)
    path = "/".join((*detours, str(spelled(word))))
    assert webhook_fault(f"https://hooks.slack.com/{path}{rest}") == WORKFLOW


@given(st.text("abcxyz019", min_size=1), st.text("abcxyz019", min_size=1))
def test_a_webhook_is_taken_whatever_its_last_segments_are(one: str, other: str) -> None:
    assert webhook_fault(f"https://hooks.slack.com/services/{one}/{other}/triggers") is None


@pytest.mark.parametrize("path", ["", "/", "//", "/.", "/services/..", "?token=x", "#services/T0/B0/x"])
def test_a_url_without_a_path_is_refused(path: str) -> None:
    assert webhook_fault(f"https://hooks.slack.com{path}") == "it has no path: copy the whole URL of the Incoming Webhook"


@given(MARKS)
def test_quotation_marks_are_called_that(marks: tuple[str, str]) -> None:
    before, after = marks
    assert webhook_fault(f"{before}{URL}{after}") == QUOTED
    assert https_fault(f"{before}http://x{after}") == QUOTED
    assert proxy_fault(f"{before}http://proxy:3128{after}") == QUOTED
    assert address_fault(f"{before}ops@example.com{after}") == QUOTED


@pytest.mark.parametrize("url", ["http://proxy:3128", "https://me:p@ss@proxy", "proxy", "10.0.0.7:3128", "[::1]:3128"])
def test_a_proxy_that_can_be_used(url: str) -> None:
    assert proxy_fault(url) is None


@pytest.mark.parametrize("url", ["http://", "ftp://proxy", "http://proxy:port", "http://[", "http://a b", "http://proxy\n", "//"])
def test_a_proxy_that_cannot_be_used(url: str) -> None:
    assert proxy_fault(url) == "it is not the URL of a proxy: write http://HOST:PORT"
