"""Bundles that can be trusted: signed, looked through, kept by version, chosen by place."""
