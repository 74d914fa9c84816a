"""Define what a strategy module is: its inputs, its rules or target weights, its parameters."""
