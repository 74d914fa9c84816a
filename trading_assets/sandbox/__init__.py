"""A process for code that is not ours: what it may read is restricted by the kernel, its time and memory by limits."""
