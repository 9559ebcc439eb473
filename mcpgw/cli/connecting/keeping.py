"""The member's token for a client that gets it from the OS keyring, through the bridge."""

from mcpgw.cli.prompt import ask_secret, is_terminal
from mcpgw.cli.target import check_token
from mcpgw.client_configs.name import VARIABLE
from mcpgw.errors import VaultLocked


def keep_token(url: str, token: str) -> str:
    """See to it that the keyring has a token for `url`; return what is left to do, or nothing.

    `token` is that of MCPGW_TOKEN, else one is asked for at a terminal: Enter leaves it for later.
    """
    from mcpgw.bootstrap import save_token, saved_token  # late: takes long to import

    later = f"keep the token for the bridge: mcpgw bridge --url {url} --save-token"
    try:
        if not token and saved_token(url):
            return ""
        if not token and is_terminal():
            token = ask_secret("token, for the OS keyring").reveal().strip()
        if not token:
            return later
        save_token(url, check_token(token))
    except VaultLocked as error:
        return f"the OS keyring {error.message}; set {VARIABLE} where the client is started"
    return ""
