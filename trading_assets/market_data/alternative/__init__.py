"""What was published beside prices, and when: sentiment, macroeconomic series, events."""
