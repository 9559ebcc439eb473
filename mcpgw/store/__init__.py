"""The two databases: configuration and journal. SQLAlchemy Core, no ORM."""
