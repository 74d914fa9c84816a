"""Whether a result can be believed: sensitivity, stress, registration, the locked holdout, the verdict."""
