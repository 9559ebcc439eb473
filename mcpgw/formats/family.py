"""The vendors' families of function calling, by the word that callers choose them with."""

from enum import StrEnum


class Family(StrEnum):
    """Who calls: decides the shape of tools, of calls and of results."""

    OPENAI = "openai"
    """Chat Completions, and everybody who copied them."""
    RESPONSES = "openai-responses"
    ANTHROPIC = "anthropic"
    GEMINI = "gemini"
    MCP = "mcp"
    """Tools as MCP has them; calls and results in the plain form of this gateway."""


class Strictness(StrEnum):
    """Whether tools are announced so that a model cannot but follow their schemas."""

    NEVER = "false"
    WHERE_POSSIBLE = "auto"
    ALWAYS = "true"
