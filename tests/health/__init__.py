"""Tests of `netra.health`."""
