"""What the detectors' families reach on real recordings, on splits that share no machine or part."""
