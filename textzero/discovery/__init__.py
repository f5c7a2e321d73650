"""Word discovery: from raw text to a lexicon, without labels."""
