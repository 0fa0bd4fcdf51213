"""From wire bytes to the Window of one part; knows no model, no GPU, no verdict."""
