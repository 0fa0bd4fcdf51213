"""Runs the networks of a bundle: windows in, scores out, on one thread off the loop."""
