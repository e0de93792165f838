"""Values of environment variables are redacted if the variable's name looks like a secret's, unless the value is itself a name."""

import pytest

from tocsin.cli.exec.notifier import register_secrets
from tocsin.shell.config.load import configuration
from tocsin.shell.redaction import redact


def test_a_value_is_hidden_and_the_name_of_one_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_DELIVERY_OUTBOX_SECRET", "WHERE_THE_OUTBOX_IS")
    monkeypatch.setenv("MAILER_TOKEN", "a-value-of-the-mailer")
    register_secrets(configuration())
    assert redact("a-value-of-the-mailer in WHERE_THE_OUTBOX_IS") == "[MAILER_TOKEN] in WHERE_THE_OUTBOX_IS"
