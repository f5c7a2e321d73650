"""Kernels for NVIDIA cards, in CUDA C++ driven by CuPy.

A twin takes and returns NumPy arrays, like the reference. Modules whose names begin with "_" work
on arrays that stay on the card.
"""
