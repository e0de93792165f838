"""What ``tocsin check`` looks at: the configuration, the secrets, and on request the ways to Slack and Gmail."""
