"""The workshop: makes bundles out of simulated or recorded parts; torch lives here alone."""
