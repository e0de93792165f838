"""Values of environment variables are redacted if the variable's name is a secret's, unless the value is a word, or itself a name."""

from collections.abc import Iterator

import pytest

from tocsin.cli.exec.known_secrets import register_secrets
from tocsin.shell.config.load import configuration
from tocsin.shell.redaction import redact


@pytest.fixture(autouse=True)
def read_again() -> Iterator[None]:
    """Let each test read the configuration."""
    configuration.cache_clear()
    yield
    configuration.cache_clear()


def test_a_value_is_hidden_and_the_name_of_one_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_DELIVERY_OUTBOX_SECRET", "WHERE_THE_OUTBOX_IS")
    monkeypatch.setenv("MAILER_TOKEN", "a-value-of-the-mailer")
    register_secrets(configuration())
    assert redact("a-value-of-the-mailer in WHERE_THE_OUTBOX_IS") == "[MAILER_TOKEN] in WHERE_THE_OUTBOX_IS"


def test_a_word_stays_unless_the_configuration_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTGRES_PASSWORD", "postgres")
    monkeypatch.setenv("SECRETS_DIR", "/var/lib/secrets-2026")
    register_secrets(configuration())
    assert redact("postgres backup to /var/lib/secrets-2026") == "postgres backup to /var/lib/secrets-2026"
    monkeypatch.setenv("TOCSIN_SECRETS_NAMES", "POSTGRES_PASSWORD")
    configuration.cache_clear()
    register_secrets(configuration())
    assert redact("postgres backup") == "[POSTGRES_PASSWORD] backup"
