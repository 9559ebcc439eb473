"""What mcpgw does: the use cases. Knows only model, protocol and its own ports."""
