"""The command `edge fuse`: the fusion by itself, for engineers."""
