"""What `edge doctor` looks at, one concern a file; each check measures and returns findings."""
