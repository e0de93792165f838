"""What the environment holds is known to be secret by the names of its variables, but not what is a name itself."""

import pytest

from tocsin.cli.exec.notifier import know_secrets
from tocsin.shell.adapters.redaction import redact
from tocsin.shell.config.load import configuration


def test_a_value_is_hidden_and_the_name_of_one_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_DELIVERY_OUTBOX_SECRET", "WHERE_THE_OUTBOX_IS")
    monkeypatch.setenv("SOMEBODYS_TOKEN", "a-value-of-somebodys")
    know_secrets(configuration())
    assert redact("a-value-of-somebodys in WHERE_THE_OUTBOX_IS") == "[SOMEBODYS_TOKEN] in WHERE_THE_OUTBOX_IS"
