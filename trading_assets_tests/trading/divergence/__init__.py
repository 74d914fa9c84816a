"""Tests of live against promise."""
