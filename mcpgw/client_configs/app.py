"""The clients that we know: one row each, as their vendors document them (docs/clients.md).

A row says where the client keeps its servers, how it writes one down, and how it can be told the
token without being told the token. Pure data: nothing here looks at the machine.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from mcpgw.client_configs import shape
from mcpgw.client_configs.edit import JSON, TOML, YAML, Change, Format
from mcpgw.client_configs.path import at
from mcpgw.client_configs.shape import Target, typed


class TokenPlace(StrEnum):
    """Where a client finds the token."""

    ENVIRONMENT = "environment"
    PROMPT = "prompt"
    KEYRING = "keyring"
    FILE = "file"


PLATFORMS = ("linux", "darwin", "win32")

Templates = Mapping[str, tuple[str, ...]]
"""By platform, where a file may be: the first that exists counts, else the first of all."""


def app(key: str) -> "App | None":
    """Return the client of that key, None when there is none."""
    return next((one for one in APPS if one.key == key), None)


def everywhere(*templates: str) -> Templates:
    """Return the same places for every platform."""
    return dict.fromkeys(PLATFORMS, templates)


def _in_config(linux: str, darwin: str, win32: str, rest: str) -> Templates:
    """Return a place below the directory where each platform keeps an application's data."""
    return {
        "linux": (f"{{XDG_CONFIG_HOME:~/.config}}/{linux}/{rest}",),
        "darwin": (f"~/Library/Application Support/{darwin}/{rest}",),
        "win32": (f"{{APPDATA:~/AppData/Roaming}}/{win32}/{rest}",),
    }


def _in_vs_code(rest: str) -> Templates:
    return _in_config("Code", "Code", "Code", f"User/{rest}")


def _first(first: Templates, then: Templates) -> Templates:
    return {platform: (*first[platform], *then[platform]) for platform in PLATFORMS}


@dataclass(frozen=True, slots=True)
class App:
    """One client.

    Attributes:
        key: how commands call it.
        title: how people call it.
        form: how its file is written; None has no file that could be written.
        user: where its user keeps it.
        project: where a project keeps it, empty when projects have none.
        table: the table (or list) of servers.
        containers: other tables where it may have servers; `*` stands for any name.
        remote: how it writes down a URL; None knows only commands, and gets the bridge.
        reference: how it refers to the token; empty cannot.
        place: where it then finds the token.
        mark: in a list, the field that names a server.
        extra: what else it needs in its file.
        preamble: what a new file begins with.
        programs: what it is called on the PATH.
        signs: directories that show that it is installed, besides that of its file.
        next_step: what to do after its file was written; empty where it sees the change itself.
    """

    key: str
    title: str
    form: Format | None
    user: Templates
    project: str
    table: tuple[str, ...]
    remote: Callable[[Target], dict[str, Any]] | None
    reference: str = ""
    place: TokenPlace = TokenPlace.ENVIRONMENT
    mark: str = ""
    extra: tuple[Callable[[Target], Change], ...] = ()
    preamble: str = ""
    containers: tuple[tuple[str, ...], ...] = ()
    programs: tuple[str, ...] = ()
    signs: Templates = field(default_factory=lambda: everywhere())
    next_step: str = "restart it"

    def table_in(self, document: Any) -> tuple[str, ...]:
        """Return the table to write to: a newer one of the client counts where it is in use."""
        for path in self.containers:
            if "*" not in path and isinstance(at(document, path), dict):
                return path
        return self.table


NOWHERE = everywhere()

APPS = (
    App(
        key="claude-code",
        title="Claude Code",
        form=JSON,
        user=everywhere("{CLAUDE_CONFIG_DIR:~}/.claude.json"),
        project=".mcp.json",
        table=("mcpServers",),
        remote=typed("http"),
        reference="${MCPGW_TOKEN}",
        containers=(("projects", "*", "mcpServers"),),
        programs=("claude",),
        signs=everywhere("{CLAUDE_CONFIG_DIR:~/.claude}"),
        next_step="start claude anew; see: claude mcp list",
    ),
    App(
        key="claude-desktop",
        title="Claude Desktop",
        form=JSON,
        user=_in_config("Claude", "Claude", "Claude", "claude_desktop_config.json"),
        project="",
        table=("mcpServers",),
        remote=None,
    ),
    App(
        key="cursor",
        title="Cursor",
        form=JSON,
        user=everywhere("~/.cursor/mcp.json"),
        project=".cursor/mcp.json",
        table=("mcpServers",),
        remote=typed(""),
        reference="${env:MCPGW_TOKEN}",
        programs=("cursor", "cursor-agent"),
    ),
    App(
        key="vs-code",
        title="VS Code",
        form=JSON,
        user=_in_vs_code("mcp.json"),
        project=".vscode/mcp.json",
        table=("servers",),
        remote=shape.vs_code,
        reference="${input:...}",
        place=TokenPlace.PROMPT,
        extra=(shape.vs_code_input,),
        programs=("code",),
        next_step="start the server in its editor view; VS Code asks for the token once",
    ),
    App(
        key="codex",
        title="Codex",
        form=TOML,
        user=everywhere("{CODEX_HOME:~/.codex}/config.toml"),
        project=".codex/config.toml",
        table=("mcp_servers",),
        remote=shape.codex,
        reference="MCPGW_TOKEN",
        programs=("codex",),
        next_step="start codex anew; see: codex mcp list",
    ),
    App(
        key="windsurf",
        title="Windsurf",
        form=JSON,
        user=everywhere("~/.codeium/windsurf/mcp_config.json", "~/.codeium/mcp_config.json"),
        project="",
        table=("mcpServers",),
        remote=typed("", "serverUrl"),
        reference="${env:MCPGW_TOKEN}",
        programs=("windsurf",),
        next_step="press refresh in its list of MCP servers",
    ),
    App(
        key="zed",
        title="Zed",
        form=JSON,
        user={
            "linux": ("{XDG_CONFIG_HOME:~/.config}/zed/settings.json",),
            "darwin": ("~/.config/zed/settings.json",),
            "win32": ("{APPDATA:~/AppData/Roaming}/Zed/settings.json",),
        },
        project=".zed/settings.json",
        table=("context_servers",),
        remote=typed(""),
        programs=("zed", "zeditor"),
        next_step="",
    ),
    App(
        key="gemini",
        title="Gemini CLI",
        form=JSON,
        user=everywhere("{GEMINI_CLI_HOME:~}/.gemini/settings.json"),
        project=".gemini/settings.json",
        table=("mcpServers",),
        remote=typed("", "httpUrl"),
        reference="${MCPGW_TOKEN}",
        programs=("gemini",),
        next_step="start gemini anew; see: gemini mcp list",
    ),
    App(
        key="cline",
        title="Cline",
        form=JSON,
        user=_first(
            _in_vs_code("globalStorage/saoudrizwan.claude-dev/settings/cline_mcp_settings.json"),
            everywhere("~/.cline/data/settings/cline_mcp_settings.json", "~/.cline/mcp.json"),
        ),
        project="",
        table=("mcpServers",),
        remote=typed("streamableHttp", disabled=False, autoApprove=[]),
        reference="${env:MCPGW_TOKEN}",
        programs=("cline",),
        next_step="",
    ),
    App(
        key="roo-code",
        title="Roo Code",
        form=JSON,
        user=_in_vs_code("globalStorage/rooveterinaryinc.roo-cline/settings/mcp_settings.json"),
        project=".roo/mcp.json",
        table=("mcpServers",),
        remote=typed("streamable-http"),
        reference="${env:MCPGW_TOKEN}",
        next_step="",
    ),
    App(
        key="continue",
        title="Continue",
        form=YAML,
        user=everywhere("~/.continue/config.yaml"),
        project=".continue/mcpServers/mcpgw.yaml",
        table=("mcpServers",),
        remote=shape.continue_,
        reference="${{ secrets.MCPGW_TOKEN }}",
        mark="name",
        preamble='name: "mcpgw"\nversion: "0.0.1"\nschema: "v1"\n',
        programs=("cn",),
        next_step="put MCPGW_TOKEN into ~/.continue/.env, and reload its configuration",
    ),
    App(
        key="goose",
        title="Goose",
        form=YAML,
        user={
            **everywhere("{XDG_CONFIG_HOME:~/.config}/goose/config.yaml"),
            "win32": ("{APPDATA:~/AppData/Roaming}/Block/goose/config/config.yaml",),
        },
        project="",
        table=("extensions",),
        remote=shape.goose,
        reference="${MCPGW_TOKEN}",
        programs=("goose",),
        next_step="start a new session",
    ),
    App(
        key="librechat",
        title="LibreChat",
        form=YAML,
        user=NOWHERE,
        project="librechat.yaml",
        table=("mcpServers",),
        remote=shape.librechat,
        reference="{{MCPGW_TOKEN}}",
        place=TokenPlace.PROMPT,
        next_step="restart it; each user enters a token of their own in its settings",
    ),
    App(
        key="opencode",
        title="OpenCode",
        form=JSON,
        user=everywhere(
            "{XDG_CONFIG_HOME:~/.config}/opencode/opencode.json",
            "{XDG_CONFIG_HOME:~/.config}/opencode/opencode.jsonc",
        ),
        project="opencode.json",
        table=("mcp",),
        remote=typed("remote", oauth=False),
        reference="{env:MCPGW_TOKEN}",
        containers=(("mcp", "servers"),),
        programs=("opencode",),
    ),
    App(
        key="lm-studio",
        title="LM Studio",
        form=JSON,
        user=everywhere("~/.lmstudio/mcp.json"),
        project="",
        table=("mcpServers",),
        remote=typed(""),
        programs=("lms",),
        next_step="",
    ),
    App(
        key="copilot-cli",
        title="Copilot CLI",
        form=JSON,
        user=everywhere("{COPILOT_HOME:~/.copilot}/mcp-config.json"),
        project="",
        table=("mcpServers",),
        remote=typed("http", tools=["*"]),
        reference="${MCPGW_TOKEN}",
        programs=("copilot",),
        next_step="start copilot anew; see: /mcp show",
    ),
    App(
        key="jetbrains",
        title="JetBrains (Junie, AI Assistant)",
        form=JSON,
        user=everywhere("~/.junie/mcp/mcp.json"),
        project=".junie/mcp/mcp.json",
        table=("mcpServers",),
        remote=None,
        signs={
            "linux": ("{XDG_CONFIG_HOME:~/.config}/JetBrains",),
            "darwin": ("~/Library/Application Support/JetBrains",),
            "win32": ("{APPDATA:~/AppData/Roaming}/JetBrains",),
        },
        next_step="Junie reads it; for AI Assistant paste the same under Settings > Tools >"
        " AI Assistant > Model Context Protocol",
    ),
    App(
        key="jetbrains-copilot",
        title="Copilot in JetBrains",
        form=JSON,
        user={
            **everywhere("{XDG_CONFIG_HOME:~/.config}/github-copilot/intellij/mcp.json"),
            "win32": ("{LOCALAPPDATA:~/AppData/Local}/github-copilot/intellij/mcp.json",),
        },
        project="",
        table=("servers",),
        remote=shape.copilot_in_jetbrains,
    ),
    App(
        key="kiro",
        title="Kiro",
        form=JSON,
        user=everywhere("~/.kiro/settings/mcp.json"),
        project=".kiro/settings/mcp.json",
        table=("mcpServers",),
        remote=typed(""),
        reference="${MCPGW_TOKEN}",
        programs=("kiro", "kiro-cli"),
        next_step="approve the variable MCPGW_TOKEN when Kiro asks",
    ),
    App(
        key="antigravity",
        title="Antigravity",
        form=JSON,
        user=everywhere(
            "~/.gemini/antigravity/mcp_config.json", "~/.gemini/config/mcp_config.json"
        ),
        project="",
        table=("mcpServers",),
        remote=typed("", "serverUrl"),
        programs=("antigravity", "agy"),
        next_step="press refresh in its list of MCP servers",
    ),
    App(
        key="open-webui",
        title="Open WebUI",
        form=None,
        user=NOWHERE,
        project="",
        table=(),
        remote=None,
        place=TokenPlace.PROMPT,
        next_step="",
    ),
    App(
        key="n8n",
        title="n8n",
        form=None,
        user=NOWHERE,
        project="",
        table=(),
        remote=None,
        place=TokenPlace.PROMPT,
        next_step="",
    ),
)
"""Every client there is. A test proves that each stands in docs/clients.md."""
