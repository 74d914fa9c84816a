"""Scores over HTTP: the registered model of a name answers rows of features, and nothing is written."""
