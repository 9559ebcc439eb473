import json
from typing import Any

from mcpgw.formats.openapi import document
from mcpgw.formats.tool import read_tool
from mcpgw.model.tool_class import ToolClass
from tests.formats.hostile import HOSTILE


def made(*tools: Any, is_short: bool = False, kind: ToolClass = ToolClass.WRITE) -> Any:
    read = [read_tool(json.dumps(one).encode(), "srv", kind) for one in tools]
    shown = document(
        read, title="demo", url="https://gw.example.com/ws/demo", version="1", is_short=is_short
    )
    return json.loads(json.dumps(shown))


def operation(**members: Any) -> Any:
    kind = members.pop("kind", ToolClass.WRITE)
    is_short = members.pop("is_short", False)
    shown = made({"name": "srv__t", "inputSchema": {}, **members}, kind=kind, is_short=is_short)
    return shown["paths"]["/v1/tools/srv__t"]["post"]


def test_the_document_says_where_and_with_what() -> None:
    shown = made()
    assert shown["openapi"] == "3.1.0"
    assert shown["servers"] == [{"url": "https://gw.example.com/ws/demo"}]
    assert shown["paths"] == {}
    assert shown["components"]["securitySchemes"] == {
        "bearer": {"type": "http", "scheme": "bearer"}
    }
    assert shown["security"] == [{"bearer": []}]


def test_a_tool_is_one_operation() -> None:
    shown = made(
        {
            "name": "srv__t",
            "title": "The tool",
            "description": "Does.\nMuch.",
            "inputSchema": {"type": "object", "properties": {"a": {"type": "string"}}},
            "outputSchema": {"type": "object", "properties": {"b": {"type": "string"}}},
        }
    )
    operation = shown["paths"]["/v1/tools/srv__t"]["post"]
    assert operation["operationId"] == "srv__t"
    assert (operation["summary"], operation["description"]) == ("The tool", "Does.\nMuch.")
    assert operation["tags"] == ["srv"]
    schemas = shown["components"]["schemas"]
    assert schemas["srv__t_arguments"]["properties"] == {"a": {"type": "string"}}
    assert schemas["srv__t_result"]["properties"] == {"b": {"type": "string"}}
    body = operation["requestBody"]["content"]["application/json"]["schema"]
    assert body == {"$ref": "#/components/schemas/srv__t_arguments"}
    answers = operation["responses"]["200"]["content"]["application/json"]["schema"]["anyOf"]
    assert [one["$ref"].rpartition("/")[2] for one in answers] == [
        "srv__t_result",
        "Text",
        "Failure",
    ]
    assert operation["responses"].keys() == {"200", "400", "401", "403", "413", "429", "503"}


def test_words_are_cut_to_what_custom_gpts_take() -> None:
    long = "x" * 1000
    assert operation(description=long)["description"] == long
    assert operation(description=long)["summary"] == f"{'x' * 297}..."
    assert len(operation(description=long, is_short=True)["description"]) == 300
    described = {"type": "object", "properties": {"a": {"description": long}}}
    shown = made({"name": "t", "inputSchema": described})
    of_a = shown["components"]["schemas"]["t_arguments"]["properties"]["a"]
    assert len(of_a["description"]) == 700


def test_a_tool_without_words() -> None:
    assert operation()["summary"] == "srv__t"
    assert "description" not in operation()
    assert operation(description="First line.\nMore.")["summary"] == "First line."
    bare = document(
        [read_tool(b'{"name":"t"}', "", ToolClass.READ)],
        title="d",
        url="u",
        version="1",
        is_short=False,
    )
    assert bare["paths"]["/v1/tools/t"]["post"]["tags"] == []


def test_only_what_reads_needs_no_consent() -> None:
    for kind in ToolClass:
        assert operation(kind=kind)["x-openai-isConsequential"] is (kind is not ToolClass.READ)


def test_definitions_move_with_their_schemas() -> None:
    shown = made({"name": "t", "inputSchema": HOSTILE["a tree"], "outputSchema": HOSTILE["a tree"]})
    for part in ("arguments", "result"):
        schema = shown["components"]["schemas"][f"t_{part}"]
        place = f"#/components/schemas/t_{part}/$defs/node"
        assert schema["properties"]["root"] == {"$ref": place}
        assert schema["$defs"]["node"]["properties"]["children"]["items"] == {"$ref": place}
