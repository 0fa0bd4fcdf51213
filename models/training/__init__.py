"""Teaching one detector from a configuration: reproducible, interruptible, on many devices."""
