"""Which way to fuse the detectors' answers: every rule and the plain baselines, on the same parts."""
