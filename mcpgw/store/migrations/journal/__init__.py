"""The journal database, step by step."""
