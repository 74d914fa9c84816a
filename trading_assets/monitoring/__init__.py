"""What is watched after a run: drift of the features, and alerts for people."""
