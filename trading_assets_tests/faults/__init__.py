"""Faults of the system, injected at every call that changes a file."""
