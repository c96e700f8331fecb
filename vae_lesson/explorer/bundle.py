"""One JavaScript module out of several, because a widget carries its code as one text; and its style sheet.

The modules in this folder are real ES modules, so that node can import and test each. They keep to a small grammar:
`import { a, b } from "./other.js";` on one line, and `export function` or `export const` at the start of a line.
"""

import re
from pathlib import Path

HERE = Path(__file__).parent

IMPORT = re.compile(r'^import \{ ([\w, ]+) \} from "\./([\w.-]+)";\n', re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:async )?function |const )", re.MULTILINE)
EXPORTED = re.compile(r"^export (?:async )?(?:function|const) (\w+)", re.MULTILINE)
DECLARED = re.compile(r"^(?:async )?(?:function|const|let|class) (\w+)", re.MULTILINE)
LEFT_OVER = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)


def style(folder: Path = HERE) -> str:
    """The style sheet that all widgets share."""
    return (folder / "explorer.css").read_text(encoding="utf-8")


def bundle(entry: str, folder: Path = HERE) -> str:
    """Join a module and all that it imports into one, each after those that it needs.

    Args:
        entry: file name of the widget's module, which exports `render`.
        folder: where the modules are.

    Returns:
        The text of one module whose default export is `{ render }`.

    Raises:
        ValueError: a circle of imports, a name not exported or declared twice, or a line outside the grammar.
    """
    sources: dict[str, str] = {}
    _collect(entry, folder, sources, path=())
    owners: dict[str, str] = {}
    bodies = []
    for name, source in sources.items():
        body = EXPORT.sub("", IMPORT.sub("", source))
        if stray := LEFT_OVER.search(body):
            raise ValueError(f"{name}: the bundler does not know the line {stray[0]!r}")
        for declared in DECLARED.findall(body):
            if declared in owners:
                raise ValueError(f"{declared} is declared in {owners[declared]} and again in {name}")
            owners[declared] = name
        bodies.append(f"// {name}\n{body.strip()}\n")
    if owners.get("render") != entry:
        raise ValueError(f"{entry} must export a function render")
    return "\n".join([*bodies, "export default { render };\n"])


def _collect(name: str, folder: Path, sources: dict[str, str], path: tuple[str, ...]) -> None:
    """Add a module to `sources` after those that it imports."""
    if name in path:
        raise ValueError(f"modules import each other in a circle: {' > '.join([*path, name])}")
    if name in sources:
        return
    source = (folder / name).read_text(encoding="utf-8")
    for wanted, other in IMPORT.findall(source):
        _collect(other, folder, sources, (*path, name))
        missing = set(wanted.split(", ")) - set(EXPORTED.findall(sources[other]))
        if missing:
            raise ValueError(f"{name} imports {', '.join(sorted(missing))}, which {other} does not export")
    sources[name] = source
