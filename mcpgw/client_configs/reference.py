"""How clients refer to variables and secrets in their configurations.

`${NAME}`, `${NAME:-default}`, `$NAME`, `${env:NAME}`, `{env:NAME}`, `${input:id}`,
`${{ secrets.NAME }}`, `{{NAME}}`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

REFERENCE = re.compile(
    r"\$\{\{\s*secrets\.(?P<hub>\w+)\s*\}\}"
    r"|\$\{input:(?P<input>[\w.-]+)\}"
    r"|\$?\{env:(?P<env>\w+)\}"
    r"|\$\{(?P<braced>\w+)(?::-(?P<default>[^}]*))?\}"
    r"|\{\{(?P<user>\w+)\}\}"
)
WHOLE = re.compile(r"(?P<scheme>[A-Za-z]+ +)?\$(?P<plain>[A-Za-z_]\w*)")
"""Without braces only as all of a value: a password may well hold a dollar sign."""

OF_THE_MACHINE = frozenset({"HOME", "USER", "USERNAME", "LOGNAME", "USERPROFILE", "PWD"})
"""Variables that say where and who one is."""

OF_AN_EDITOR = re.compile(r"workspace|file|cwd|pathSeparator|selected|execPath|config|line")
"""What only an open editor knows; its names begin with a small letter."""


@dataclass(frozen=True, slots=True)
class Referred:
    """One reference: the name it uses, and the value if that is known here."""

    name: str
    value: str | None

    @property
    def is_of_an_editor(self) -> bool:
        """Whether it stands for something that only an open editor knows."""
        return bool(OF_AN_EDITOR.match(self.name))

    @property
    def is_setting(self) -> bool:
        """Whether its value is known to be no credential."""
        return self.value is not None and self.name in (*OF_THE_MACHINE, "userHome")


def replace_references(
    text: str, variable: Callable[[str], str | None], write: Callable[[Referred], str]
) -> str:
    """Return `text` with each reference replaced by what `write` makes of it.

    Args:
        text: the value of a header, a variable or an argument.
        variable: looks a variable of this environment up.
        write: told what is referred to, returns what to write instead.
    """
    whole = WHOLE.fullmatch(text)
    if whole:
        name = whole.group("plain")
        return f"{whole.group('scheme') or ''}{write(Referred(name, variable(name)))}"

    def written(found: "re.Match[str]") -> str:
        hub, asked, env, braced, default, user = found.groups()
        name = env or braced
        if not name:
            return write(Referred(hub or asked or user, None))
        value = variable("HOME" if name == "userHome" else name)
        return write(Referred(name, default if value is None else value))

    return REFERENCE.sub(written, text)


def secret_name(text: str) -> str:
    """Return a secret's name that is made of any text."""
    name = re.sub(r"\W+", "_", text, flags=re.ASCII).strip("_").upper()
    return f"S_{name}"[:128] if not name or name[0].isdigit() else name[:128]
