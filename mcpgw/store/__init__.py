"""The two databases: what is configured, and the journal of calls. Never decides anything.

SQL is written with SQLAlchemy Core and runs in threads; `open_store` in `opened.py` is the door.
"""
