"""The tests, folder by folder like the sources."""
