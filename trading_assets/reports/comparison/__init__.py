"""Earlier runs: kept at the end of each, opened again, and compared with others."""
