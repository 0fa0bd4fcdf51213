"""Bundles changed on a running line: tried in shadow, promoted, withdrawn, between two parts."""
