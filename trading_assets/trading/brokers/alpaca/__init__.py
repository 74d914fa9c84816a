"""Alpaca as a broker, by its client alpaca-py (extra `alpaca`)."""
