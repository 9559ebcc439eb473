"""How MCP is spoken. Sans-IO: messages in, messages out. Never opens a socket or a file."""
