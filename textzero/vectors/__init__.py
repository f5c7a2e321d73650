"""Word vectors: training, use, evaluation, files."""
