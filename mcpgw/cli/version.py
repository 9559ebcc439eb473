"""`mcpgw version`."""

import platform

from mcpgw import __version__
from mcpgw.cli.invocation import Invocation
from mcpgw.cli.output import print_json


def version(asked: Invocation) -> None:
    """Say which version this is."""
    if asked.is_json:
        print_json({"version": __version__, "python": platform.python_version()})
    else:
        print(f"mcpgw {__version__}")
