"""Tests of the parts of the cost check."""
