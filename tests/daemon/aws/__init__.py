"""Tests of the way to AWS."""
