"""`edge accept`: what a bundle is worth on one frozen set of parts, in the plant's terms."""
