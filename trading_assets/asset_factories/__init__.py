"""Build Dagster assets from declared tables and from SQL models."""
