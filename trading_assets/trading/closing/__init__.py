"""Leaving a running account for good: a word on record, and the plan by which what it holds is sold."""
