"""A station learns its own normal from parts that are known to be good."""
