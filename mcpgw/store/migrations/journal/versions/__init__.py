"""Revisions of the journal."""
