"""Tests of `edge.checkup`."""
