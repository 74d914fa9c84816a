"""The values of a received bar."""

PRICES = ("open", "high", "low", "close")
VALUES = (*PRICES, "volume", "adj_close", "market_cap", "cash_dividend", "split_ratio", "coverage")
