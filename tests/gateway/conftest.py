"""Brings the fixture of the whole gateway into reach."""

from tests.world import world

__all__ = ["world"]
