"""No secret is in the file of an outbox, in its write-ahead log, in the log of the program, or in a ``repr``."""

import logging
from contextlib import closing
from pathlib import Path

import pytest
from returns.io import IOResult

from tocsin import Failed, Recording, Running, Task, flush, gmail_notifier, interpreting, slack_notifier
from tocsin.core.effects import Effect, SendEmail
from tocsin.core.outcomes import Ambiguous, Delivered, DeliveryError, Receipt, Rejected, Retryable
from tocsin.interpreters import Outbox
from tocsin.shell.adapters.secrets import Secret
from tocsin.shell.interpreter import result_of
from tocsin.shell.outbox.codec import decode, new_row
from tocsin.shell.outbox.store import Store

pytestmark = pytest.mark.tocsin_live

TOKEN = "XyCANARY0token9876543210"
PASSWORD = 'CANARY "pass\\word'
SECRETS = (TOKEN, PASSWORD, 'CANARY \\"pass\\\\word')
ANSWERS = (Rejected, Ambiguous, Retryable)


class Leaky:
    """Gives one answer of each class with secrets in its reason, then ``Delivered``."""

    notify = "live"

    def __init__(self, url: str) -> None:
        self._url = url
        self._answers = list(ANSWERS)

    def __call__(self, _: Effect, /) -> IOResult[Receipt, DeliveryError]:
        return result_of(self._answers.pop()(f"{self._url} and {PASSWORD} said no")) if self._answers else result_of(Delivered())


@pytest.fixture
def url() -> str:
    """The URL of a webhook. The URL and a password are registered as secrets."""
    webhook = Secret("SLACK_WEBHOOK_URL", f"https://hooks.slack.com/services/T000/B000/{TOKEN}")
    Secret("EMAIL_PASSWORD", PASSWORD)
    return webhook.reveal()


def test_a_mail_still_goes_to_an_address_that_is_a_secret_as_well() -> None:
    Secret("EMAIL_USERNAME", "me.myself@example.com")
    with interpreting(Recording()) as recording:
        gmail_notifier(Task("load"), Running(), Failed("me.myself@example.com is full"), to=["me.myself@example.com"])
    mail = recording.effects[0]
    assert isinstance(mail, SendEmail)
    row = new_row(mail, 0.0)
    kept = decode(row)
    assert isinstance(kept, SendEmail)
    assert kept.mail.recipients == ("me.myself@example.com",)
    assert "[EMAIL_USERNAME] is full" in kept.mail.plain


def test_no_secret_is_kept_or_said(url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    outbox = Outbox(Leaky(url), f"sqlite:///{tmp_path}/outbox.sqlite")
    failed = Failed(f"POST {url} failed", result=ValueError(f"{PASSWORD} in {url}"))
    with interpreting(outbox):
        for number in range(4):
            slack_notifier(Task(f"load {number}"), Running(), failed)
            gmail_notifier(Task(f"mail {number}"), Running(), failed, to=["ops@example.com"])
    flush()
    files = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    assert {"outbox.sqlite", "outbox.sqlite-wal"} <= files.keys()
    with closing(Store(f"sqlite:///{tmp_path}/outbox.sqlite")) as store:
        shown = repr((outbox, outbox.place, store, store.rows(), store.census(), store.agenda()))
        shown += "".join(row.body for row in store.rows())
    outbox.close()
    files |= {f"{file.name} at the end": file.read_bytes() for file in tmp_path.iterdir()}
    seen = shown + caplog.text + "".join(repr(vars(record)) for record in caplog.records)
    for secret in SECRETS:
        assert secret not in seen
        assert not [name for name, content in files.items() if secret.encode() in content]
    assert "[SLACK_WEBHOOK_URL]" in seen
