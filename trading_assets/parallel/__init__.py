"""Work that falls apart into parts: done in this process, or by the processes of a Dask cluster."""
