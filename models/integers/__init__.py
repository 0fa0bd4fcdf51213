"""What a network loses in integers, layer by layer, and how to lose less."""
