"""What Slack, Google and health-check services demand and answer, as pure functions."""
