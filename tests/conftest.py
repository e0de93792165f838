"""What every test may use: servers on the loopback interface; and time for properties, on a busy machine too."""

from hypothesis import settings

pytest_plugins = ["tests.servers.fixtures"]

settings.register_profile("tocsin", deadline=None)
settings.load_profile("tocsin")
