"""The catalog over the API: what is hosted can be added, what runs here cannot."""

from mcpgw.model.catalog import (
    Auth,
    CatalogEntry,
    Confidence,
    Field,
    Package,
    Remote,
)
from tests.fakes import FakeUpstream, listing
from tests.web.api.conftest import ApiClient

HOSTED = Remote("https://x.example/mcp", auth=Auth.HEADER, headers={"Authorization": "{KEY}"})
KEY = {"KEY": Field(is_secret=True, is_required=True)}


def stock(client: ApiClient, *entries: CatalogEntry) -> None:
    client.world.catalog.entries |= {one.slug: one for one in entries}


def hosted(slug: str, confidence: Confidence = Confidence.HIGH) -> CatalogEntry:
    return CatalogEntry(
        slug, slug.title(), "hosted", confidence=confidence, remotes=(HOSTED,), fields=KEY
    )


PACKAGE = CatalogEntry(
    "local", "Local", "runs here", confidence=Confidence.HIGH, packages=(Package("npm", "x"),)
)


async def test_found_and_shown(admin: ApiClient) -> None:
    stock(admin, hosted("jira"), PACKAGE, hosted("vague", Confidence.LOW))
    assert [one["name"] for one in (await admin.get("/catalog"))["items"]] == ["jira", "local"]
    found = await admin.get("/catalog", words="runs here")
    assert [one["name"] for one in found["items"]] == ["local"]
    assert len((await admin.get("/catalog", all="true"))["items"]) == 3
    assert (await admin.get("/catalog/jira"))["fields"][0]["name"] == "KEY"
    await admin.refused(404, "GET", "/catalog/none")


async def test_a_hosted_entry_becomes_a_server_with_its_secret_sealed(admin: ApiClient) -> None:
    stock(admin, hosted("jira"))
    admin.world.upstreams.by_name["jira"] = FakeUpstream(listing(get="x"))
    body = {"secrets": {"KEY": "canary-value"}}
    added = await admin.change("POST", "/catalog/jira/servers", body)
    assert added.status == 201
    assert (added.json["server"]["name"], added.json["test"]["tools"]) == ("jira", 1)
    assert added.headers["Location"].endswith("/servers/jira")
    assert "canary" not in added.text
    (secret,) = (await admin.get("/secrets"))["items"]
    assert (secret["name"], secret["is_set"]) == ("KEY", True)
    assert not (await admin.get("/servers/jira"))["is_private_allowed"]


async def test_what_runs_here_is_for_the_operator(admin: ApiClient) -> None:
    stock(admin, PACKAGE)
    admin.world.managers.programs = {"npx"}
    await admin.refused(400, "POST", "/catalog/local/servers", {})
    assert (await admin.get("/servers"))["items"] == []
    assert admin.world.managers.asked == []


async def test_what_nobody_vouches_for_wants_consent(admin: ApiClient) -> None:
    stock(admin, hosted("vague", Confidence.LOW))
    admin.world.upstreams.by_name["vague"] = FakeUpstream(listing(get="x"))
    body = {"secrets": {"KEY": "v"}}
    problem = await admin.refused(400, "POST", "/catalog/vague/servers", body)
    assert "consent" in problem["detail"]
    await admin.change("POST", "/catalog/vague/servers", {**body, "consent": True})


async def test_a_developer_sees_no_catalog(developer: ApiClient) -> None:
    await developer.refused(403, "GET", "/catalog")
    await developer.refused(403, "POST", "/catalog/jira/servers", {})
