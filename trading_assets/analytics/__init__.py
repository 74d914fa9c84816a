"""Where a return came from: attribution, factors, risk, signals, and how strategies overlap."""
