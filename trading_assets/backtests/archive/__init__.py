"""What runs left, kept so that each can be opened again: frames by their content, a row a strategy of a run."""
