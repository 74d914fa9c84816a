"""Turn bars and decisions into the arrays that the engine reads."""
