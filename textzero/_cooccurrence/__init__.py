"""How co-occurrences are counted: segments of tokens into runs, runs into one matrix."""
