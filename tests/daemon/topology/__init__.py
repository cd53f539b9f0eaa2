"""Tests of the network's topology."""
