"""Evaluate strategy modules: what they read, what they decide, what their code is."""
