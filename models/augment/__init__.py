"""What may differ between two recordings of the same part, done to examples while they teach."""
