"""Counted words on disk: sorted runs, their merging, tables within a bound, what is done."""
