"""The two names that we use on a member's machine."""

VARIABLE = "MCPGW_TOKEN"
"""The variable of the environment that holds the token."""

ENTRY = "mcpgw"
"""What clients call the gateway; Claude Code reserves some other names, `workspace` for one."""
