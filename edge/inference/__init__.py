"""Runs the networks of a bundle: windows in, scores out, on threads off the loop."""
