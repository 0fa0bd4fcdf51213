"""Which engine runs each detector of a bundle on this box: tried, measured, chosen, remembered."""
