"""The audit trail of trading: what was decided, ordered, sent, filled, found and said, in one chain that only grows."""
