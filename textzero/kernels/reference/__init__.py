"""Kernels as they are defined, in plain Python and NumPy."""
