"""Run the command line with `python -m mcpgw`."""

from mcpgw.cli import main

main()
