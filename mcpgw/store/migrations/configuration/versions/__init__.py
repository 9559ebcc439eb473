"""Revisions of the configuration database."""
