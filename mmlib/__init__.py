"""mmlib."""
