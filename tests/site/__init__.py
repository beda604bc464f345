"""A whole site on eight machines, and a storm that goes through all of it."""
