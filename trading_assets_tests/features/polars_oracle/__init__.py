"""The features and indicators as Polars and TA-Lib's C code compute them: the oracle of the compiled passes."""
