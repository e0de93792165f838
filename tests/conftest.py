"""What every test may use: servers on the loopback interface."""

pytest_plugins = ["tests.servers.fixtures"]
