"""What becomes of what is old: cold months to files, what may go removed, files written anew."""
