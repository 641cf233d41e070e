"""The networks, one a file; each imports torch alone."""
