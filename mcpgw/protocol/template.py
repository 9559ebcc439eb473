"""Does a URI fit a URI template? Enough of RFC 6570 to route by, in time linear in the URI.

The literal parts of the template must occur in the URI in order, the first at its start and the
last at its end. Never builds a regular expression from what a server sent.
"""


def literal_length(template: str, uri: str) -> int:
    """Return how many literal characters of `template` the URI matched, -1 when it does not fit.

    Of several templates that fit, the one with the longest literals knows the URI best.
    """
    literals = _literals(template)
    if literals is None or not uri.startswith(literals[0]):
        return -1
    if len(literals) == 1:
        return len(template) if uri == template else -1
    position = len(literals[0])
    for literal in literals[1:-1]:
        position = uri.find(literal, position)
        if position < 0:
            return -1
        position += len(literal)
    if len(uri) - len(literals[-1]) < position or not uri.endswith(literals[-1]):
        return -1
    return sum(map(len, literals))


def _literals(template: str) -> list[str] | None:
    """Split at the expressions; None when the braces do not pair."""
    parts = template.split("{")
    literals = [parts[0]]
    for part in parts[1:]:
        _, closing, rest = part.partition("}")
        if not closing:
            return None
        literals.append(rest)
    return literals
