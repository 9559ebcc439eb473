"""What mcpgw is about: frozen records and pure rules. Never does I/O."""
