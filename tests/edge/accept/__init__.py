"""Tests of the acceptance report."""
