"""Brokers behind one small port: the simulated one, and those of others."""
