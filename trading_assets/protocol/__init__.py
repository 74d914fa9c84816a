"""What a data folder has seen: registrations, batches, looks and exposures of all of its configurations."""
