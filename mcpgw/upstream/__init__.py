"""Live connections to MCP servers. Never decides who may use them."""
