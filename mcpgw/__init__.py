"""mcpgw: one URL and one token in front of all of a team's MCP servers."""

__version__ = "0.1.0"
