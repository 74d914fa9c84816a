"""Sweep the parameter grid and find plateaus and sharp peaks."""
