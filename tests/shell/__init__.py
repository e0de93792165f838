"""Tests of the imperative shell."""
