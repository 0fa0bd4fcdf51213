"""Costs to thresholds, thresholds to a promise: tested on parts that had no say in them."""
