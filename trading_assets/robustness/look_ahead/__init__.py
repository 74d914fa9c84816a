"""Find what looks into the future: replay decisions on histories that end earlier."""
