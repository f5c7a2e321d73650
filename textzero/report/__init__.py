"""Reports: what an artefact holds, as one page or as pictures."""
