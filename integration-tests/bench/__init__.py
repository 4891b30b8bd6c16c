"""Benchmarks against other servers on the same bytes, in turn, in one run."""
