"""Simulate one portfolio session by session: orders, fills, costs, limits, cash."""
