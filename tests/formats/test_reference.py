from mcpgw.formats.plain import MAX_SCHEMAS, Plain, plain
from mcpgw.formats.reference import followed, inlined, target_of
from tests.formats.hostile import HOSTILE

STRING = {"type": "string"}


def test_what_is_referred_to_is_put_in_its_place() -> None:
    given = plain(
        {
            "properties": {
                "a": {"$ref": "#/$defs/x", "description": "mine"},
                "b": {"$ref": "#/$defs/x"},
            },
            "$defs": {"x": {"$ref": "#/$defs/y"}, "y": {**STRING, "description": "its own"}},
        }
    )
    for keeps_recursion in (False, True):
        found = inlined(given, keeps_recursion=keeps_recursion)
        assert found.root["properties"] == {
            "a": {**STRING, "description": "mine"},
            "b": {**STRING, "description": "its own"},
        }
        assert (found.definitions, found.notes) == ({}, ())


def test_what_refers_to_itself_is_cut_to_an_object_and_told() -> None:
    found = inlined(plain(HOSTILE["a tree"]), keeps_recursion=False)
    assert found.root["properties"]["root"] == {"type": "object"}
    assert found.definitions == {}
    assert found.notes == ("root.node: refers to itself; shown as any object",)


def test_a_cut_part_keeps_its_description() -> None:
    tree = HOSTILE["a tree"]
    tree = {**tree, "properties": {"root": {"$ref": "#/$defs/node", "description": "all"}}}
    found = inlined(plain(tree), keeps_recursion=False)
    assert found.root["properties"]["root"] == {"type": "object", "description": "all"}


def test_or_it_stays_as_a_definition() -> None:
    found = inlined(plain(HOSTILE["a tree"]), keeps_recursion=True)
    assert found.root["properties"]["root"] == {"$ref": "#/$defs/node"}
    children = found.definitions["node"]["properties"]["children"]
    assert children["items"] == {"$ref": "#/$defs/node"}
    assert found.notes == ()


def test_references_that_fan_out_are_cut_off() -> None:
    for name in ("definitions that double 30 times", "definitions that fan out 6 times"):
        found = inlined(plain(HOSTILE[name]), keeps_recursion=False)
        assert found.notes == ("the schema is too large once its references are followed; cut",)
        assert str(found.root).count("'type'") < 2 * MAX_SCHEMAS


def test_a_reference_at_the_top_is_followed_to_its_end() -> None:
    definitions = {"a": {"$ref": "#/$defs/b", "title": "A"}, "b": {**STRING, "title": "B"}}
    assert followed({"$ref": "#/$defs/a"}, definitions) == {**STRING, "title": "A"}
    assert followed(STRING, {}) == STRING
    circle = {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a", "title": "B"}}
    assert followed({"$ref": "#/$defs/a"}, circle) == {"title": "B"}


def test_the_target_of_a_schema() -> None:
    assert target_of({"$ref": "#/$defs/x"}) == "x"
    assert target_of({}) == ""


def test_notes_of_before_are_kept() -> None:
    assert inlined(Plain({}, {}, ("told",)), keeps_recursion=False).notes == ("told",)
