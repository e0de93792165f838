"""Tests of the kit for the tests of users."""
