"""Side-by-side benchmarks, run by `make bench`.

Each contender is a process of its own that reads the same bars, warms up once (compilation), then measures its
work several times; processes run one after another. What is compared are medians and peak memory of the process.
"""
