"""Which way to fuse: every rule of combination and the plain baselines, on the same parts."""
