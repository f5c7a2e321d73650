"""How texts are shown: what of a text is seen, in a terminal and on a page, and on what colours."""
