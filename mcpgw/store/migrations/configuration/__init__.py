"""The configuration database, step by step."""
