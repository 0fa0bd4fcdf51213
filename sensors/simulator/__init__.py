"""A test cell for small electric motors: one cause moves all three senses."""
