"""Recordings of a plant's own as examples to teach: a folder with a manifest, or labelled parts."""
