"""Sentence structure: templates, and sentences as nested templates (kexue.fm 5577)."""
