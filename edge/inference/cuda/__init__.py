"""Buffers, streams, copies and graphs of an NVIDIA GPU, through whichever library is installed."""
