"""What every test may use: servers on the loopback interface; and time for properties, on a busy machine too.

No test reads the configuration of whoever runs it, or writes into their journal.
"""

from collections.abc import Iterator

import pytest
from hypothesis import settings

pytest_plugins = ["tests.servers.fixtures"]

settings.register_profile("tocsin", deadline=None)
settings.load_profile("tocsin")


@pytest.fixture(scope="session", autouse=True)
def at_nobodys_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Folders for configuration and state that belong to this session alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
        patch.setenv("TOCSIN_STATE_DIR", str(tmp_path_factory.mktemp("state")))
        yield
