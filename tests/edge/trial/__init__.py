"""Tests of `edge.trial`."""
