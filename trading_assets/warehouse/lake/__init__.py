"""The partition store: tables as immutable Parquet files, one a partition, behind views of the same names."""
