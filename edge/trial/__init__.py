"""A whole plant on one machine, to see the appliance work and to measure it."""
