"""Every endpoint of the API on one page."""

from collections.abc import Sequence

from mcpgw.gateway.gateway import Gateway
from mcpgw.model.policy import Action
from mcpgw.web.api.act import ActApi
from mcpgw.web.api.call import CallApi
from mcpgw.web.api.catalog import CatalogApi
from mcpgw.web.api.endpoint import Endpoint, may_match, must_match
from mcpgw.web.api.explain import ExplainApi
from mcpgw.web.api.me import MeApi
from mcpgw.web.api.member import MemberApi
from mcpgw.web.api.secret import SecretApi
from mcpgw.web.api.server import ServerApi
from mcpgw.web.api.statistics import StatisticsApi
from mcpgw.web.api.token import TokenApi
from mcpgw.web.api.tool import ToolApi
from mcpgw.web.api.workspace import WorkspaceApi

READ, CHANGE = Action.READ_CONFIGURATION, Action.CHANGE_CONFIGURATION


def build_endpoints(gateway: Gateway) -> Sequence[Endpoint]:
    """Return every endpoint there is, of one workspace.

    If-Match is required where a change replaces what somebody else may have changed meanwhile.
    Revoking is not held up by it: to stop a token must not fail because it was just used. Neither
    is setting a secret: nobody can have seen the value that it replaces.
    """
    workspaces = WorkspaceApi(gateway.workspaces)
    servers, secrets = ServerApi(gateway.servers), SecretApi(gateway.secrets)
    tokens = TokenApi(gateway.tokens, gateway.tools, gateway.now)
    members = MemberApi(gateway.members, gateway.now)
    tools, calls, acts = ToolApi(gateway.tools), CallApi(gateway.audit), ActApi(gateway.audit)
    catalog, entry = CatalogApi(gateway.catalog, gateway.additions), "/catalog/{entry}"
    statistics = StatisticsApi(gateway.statistics, gateway.now)
    server, secret = "/servers/{server}", "/servers/{server}/secrets/{secret}"
    token, ruling = "/tokens/{token}", "/tools/{tool}/ruling"
    return (
        Endpoint("GET", "/me", Action.USE, MeApi(gateway.tools).show),
        Endpoint("GET", "", READ, workspaces.show),
        Endpoint("GET", "/settings", READ, workspaces.settings),
        Endpoint("PUT", "/settings", CHANGE, workspaces.set, must_match(workspaces.settings)),
        Endpoint("GET", "/servers", READ, servers.list),
        Endpoint("POST", "/servers", CHANGE, servers.add, made="/servers/{0.server.name}"),
        Endpoint("GET", server, READ, servers.show),
        Endpoint("PATCH", server, CHANGE, servers.switch, must_match(servers.show)),
        Endpoint("DELETE", server, CHANGE, servers.remove, must_match(servers.show)),
        Endpoint("POST", f"{server}/test", CHANGE, servers.test),
        Endpoint("GET", "/catalog", READ, catalog.list),
        Endpoint("GET", entry, READ, catalog.show),
        Endpoint("POST", f"{entry}/servers", CHANGE, catalog.add, made="/servers/{0.server.name}"),
        Endpoint("GET", "/secrets", READ, secrets.list),
        Endpoint("GET", secret, READ, secrets.show),
        Endpoint("PUT", secret, CHANGE, secrets.set, may_match(secrets.show)),
        Endpoint("DELETE", secret, CHANGE, secrets.delete, may_match(secrets.show)),
        Endpoint("GET", "/tokens", READ, tokens.list),
        Endpoint("POST", "/tokens", CHANGE, tokens.issue, made="/tokens/{0.id}"),
        Endpoint("GET", token, READ, tokens.show),
        Endpoint("DELETE", token, CHANGE, tokens.revoke, may_match(tokens.show)),
        Endpoint("POST", f"{token}/rotation", CHANGE, tokens.rotate, made="/tokens/{0.id}"),
        Endpoint("GET", f"{token}/visible", READ, tokens.visible),
        Endpoint("GET", "/members", READ, members.list),
        Endpoint("GET", "/member", READ, members.show),
        Endpoint("DELETE", "/member", CHANGE, members.remove, may_match(members.show)),
        Endpoint("POST", "/offboarding", CHANGE, members.offboard),
        Endpoint("GET", "/tools", READ, tools.list),
        Endpoint("GET", "/tools/{tool}", READ, tools.show),
        Endpoint("PUT", ruling, CHANGE, tools.rule, must_match(tools.show)),
        Endpoint("DELETE", ruling, CHANGE, tools.unrule, must_match(tools.show)),
        Endpoint("GET", "/explain", READ, ExplainApi(gateway.explanations).explain),
        Endpoint("GET", "/calls", Action.READ_OWN_CALLS, calls.list),
        Endpoint("GET", "/calls/{call}", Action.READ_OWN_CALLS, calls.show),
        Endpoint("GET", "/acts", Action.READ_ALL_CALLS, acts.list),
        Endpoint("GET", "/acts/{act}", Action.READ_ALL_CALLS, acts.show),
        Endpoint("GET", "/statistics", Action.READ_OWN_CALLS, statistics.sum),
    )
