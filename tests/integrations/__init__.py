"""The integrations without any engine: laws, and golden records of what engines said."""
