"""An empty home folder, and an environment without proxies and CA bundles."""

import pytest

from tests.shell.homes import Home


@pytest.fixture(autouse=True)
def bare(home: Home, monkeypatch: pytest.MonkeyPatch) -> Home:
    """Remove everything from the environment that leads to a proxy, a bundle or a secret."""
    for name in ("https_proxy", "http_proxy", "all_proxy", "no_proxy"):
        for each in (name, name.upper()):
            monkeypatch.delenv(each, raising=False)
    for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "SLACK_WEBHOOK_URL_FILE"):
        monkeypatch.delenv(name, raising=False)
    return home
