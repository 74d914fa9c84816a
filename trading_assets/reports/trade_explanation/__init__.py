"""Explain one trade: the records behind it, its cash flows, and its narrative."""
