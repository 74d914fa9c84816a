"""What keeps runs going, unattended: settings of Dagster's home, processes that are gone, runs that are old."""
