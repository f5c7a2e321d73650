"""The demo: from a folder of texts, or Python's own, to one page of what is in it."""
