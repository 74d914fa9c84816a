"""Copies of all that a configuration leaves behind: made while runs go on, verified by name, restored whole."""
