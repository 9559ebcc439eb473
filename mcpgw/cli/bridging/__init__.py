"""The inside of `mcpgw bridge`: MCP on stdin and stdout in front, a workspace's URL behind.

`running` holds it together, `lines` are stdin and stdout, `relay` decides what becomes of each
message, `session` is the legacy client's session, `routing` writes modern headers, `channel` is
HTTP. Messages pass verbatim. Imported late: it brings the HTTP client along.
"""
