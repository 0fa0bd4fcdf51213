"""What a network or a bundle is worth on parts never seen, every figure with its interval."""
