"""Rollout: what is switched on, how far, by whom, and what a step forward asks for."""
