"""What healthy windows measure like: learnt from simulated parts, held against simulated faults."""
