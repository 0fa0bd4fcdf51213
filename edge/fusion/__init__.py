"""What the detectors said, as masses over one frame, combined and decided upon. Pure."""
