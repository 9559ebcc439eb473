"""An endpoint says everything about itself that its handler's annotations hold."""

from msgspec import Struct

from mcpgw.model.policy import Action
from mcpgw.web.api.endpoint import Asked, Endpoint, Shape, may_match, must_match
from mcpgw.web.wire.page import Query


class Thing(Struct):
    """A thing."""


class OtherQuery(Query, frozen=True):
    """A query."""


class ThingApi:
    async def show(self, asked: Asked[Query, None]) -> Thing:
        """Show a thing.

        And more.
        """
        return Thing()

    async def put(self, asked: Asked[OtherQuery, Thing]) -> Thing:
        return asked.body

    async def make(self, asked: Asked[Query, Thing]) -> Query:
        return asked.query

    async def drop(self, asked: Asked[Query, None]) -> None:
        """Drop a thing."""


API = ThingApi()


def test_the_shape_is_what_the_annotations_say() -> None:
    get = Endpoint("GET", "/x/{thing}/y/{part}", Action.USE, API.show)
    assert get.shape == Shape(Query, None, Thing)
    put = Endpoint("PUT", "/x", Action.USE, API.put)
    assert put.shape == Shape(OtherQuery, Thing, Thing)
    assert get.value_names == ("thing", "part")
    assert get.template == "/api/v1/workspaces/{slug}/x/{thing}/y/{part}"
    assert (get.name, get.summary, put.summary) == ("thing_show", "Show a thing.", "")


def test_the_status_is_what_becomes_of_it() -> None:
    assert Endpoint("GET", "/x", Action.USE, API.show).status == 200
    assert Endpoint("POST", "/x", Action.USE, API.make, made="/x/1").status == 201
    assert Endpoint("DELETE", "/x", Action.USE, API.drop).status == 204


def test_only_a_state_has_a_tag() -> None:
    assert Endpoint("GET", "/x", Action.USE, API.show).has_tag
    assert Endpoint("PUT", "/x", Action.USE, API.put, may_match(API.show)).has_tag
    assert not Endpoint("DELETE", "/x", Action.USE, API.drop, must_match(API.show)).has_tag
    assert not Endpoint("POST", "/x", Action.USE, API.put).has_tag
    assert must_match(API.show).is_required
    assert not may_match(API.show).is_required
