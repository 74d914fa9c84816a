"""Simulate strategies: inputs, the engine with fills, costs, sizing and risk, and what a run leaves."""
