"""Tests of what can be restored."""
