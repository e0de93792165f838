"""Tests of the adapters, over real sockets."""
