"""Tests of `netra.settings`."""
