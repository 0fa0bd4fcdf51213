"""What the detectors reach on real recordings, on splits that share no machine or part."""
