"""Whose configuration of a client is meant."""

from enum import StrEnum


class Scope(StrEnum):
    """The user's own, or that of the project in the current directory."""

    USER = "user"
    PROJECT = "project"
