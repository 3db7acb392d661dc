"""What the documentation site has beside `docs/`: the Python reference, and the changelog.

mkdocs calls it, see mkdocs.yml. The reference is read off the docstrings: nothing is imported.
"""

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files

REPOSITORY = Path(__file__).resolve().parent.parent
PACKAGE = REPOSITORY / "mlops_cli"
LEFT_OUT = frozenset({"__main__", "cli", "commands", "completion"})
"""What is no library: the command line is described by its own help, in commands.md."""
_SECTION = re.compile(r"(Args|Attributes|Raises|Returns|Yields):")
_ENTRY = re.compile(r"(\*{0,2}\w+(?: \([^)]*\))?): (.*)")
_CODE = re.compile(r"(`[^`]*`)")
_SPECIAL = re.compile(r"([\\*_<>\[\]#|])")


def on_config(config: "MkDocsConfig") -> "MkDocsConfig":
    """Adds the pages of the reference to the menu."""
    pages = [{f"mlops_cli.{name}": f"python/{name}.md"} for name in rooms()]
    assert config.nav is not None
    config.nav.append({"Python": pages})
    config.nav.append({"Changelog": "changelog.md"})
    return config


def on_files(files: "Files", config: "MkDocsConfig") -> "Files":
    """Adds what is not in `docs/`."""
    from mkdocs.structure.files import File

    made = {f"python/{name}.md": page(name) for name in rooms()}
    made["changelog.md"] = (REPOSITORY / "CHANGELOG.md").read_text("utf-8")
    for name, content in made.items():
        files.append(File.generated(config, name, content=content))
    return files


def rooms() -> list[str]:
    """The rooms of the package, by name."""
    found = {path.stem for path in PACKAGE.iterdir() if path.is_dir() or path.suffix == ".py"}
    return sorted(name for name in found - LEFT_OUT if not name.startswith("_"))


def page(room: str) -> str:
    """The reference of a room: each of its modules, what it is for and what it offers."""
    folder = PACKAGE / room
    paths = sorted(folder.rglob("*.py")) if folder.is_dir() else [folder.with_suffix(".py")]
    parts = [f"# mlops_cli.{room}"]
    for path in paths:
        tree = ast.parse(path.read_text("utf-8"))
        name = ".".join(path.relative_to(REPOSITORY).with_suffix("").parts)
        name = name.removesuffix(".__init__")
        if "._" in name:
            continue
        if name != f"mlops_cli.{room}":
            parts.append(f"## {escaped(name.removeprefix('mlops_cli.'))}")
        parts += [markdown(ast.get_docstring(tree) or ""), *members(tree.body)]
    return "\n\n".join(parts) + "\n"


def members(body: Iterable[ast.stmt], within: str = "") -> Iterator[str]:
    """Public functions and classes, each with its signature and its docstring."""
    for node in body:
        if not isinstance(node, ast.FunctionDef | ast.ClassDef) or node.name.startswith("_"):
            continue
        yield f"### {escaped(within + node.name)}"
        yield f"```python\n{signature(node)}\n```"
        yield markdown(ast.get_docstring(node) or "")
        if isinstance(node, ast.ClassDef):
            yield from members(node.body, f"{node.name}.")


def signature(node: ast.FunctionDef | ast.ClassDef) -> str:
    """The first line of a definition; of a class with fields, these as well."""
    if isinstance(node, ast.FunctionDef):
        returned = f" -> {ast.unparse(node.returns)}" if node.returns else ""
        line = f"def {node.name}({ast.unparse(node.args)}){returned}"
        if len(line) <= 88:
            return line
        words = ast.unparse(node.args).replace(", ", ",\n    ")
        return f"def {node.name}(\n    {words},\n){returned}"
    bases = ", ".join(map(ast.unparse, node.bases))
    fields = [
        f"    {ast.unparse(one.target)}: {ast.unparse(one.annotation)}"
        for one in node.body
        if isinstance(one, ast.AnnAssign) and not ast.unparse(one.target).startswith("_")
    ]
    return "\n".join([f"class {node.name}{f'({bases})' if bases else ''}", *fields])


def markdown(docstring: str) -> str:
    """A docstring of ours as Markdown: its sections become lists."""
    lines: list[str] = []
    section = False
    for line in docstring.splitlines():
        if _SECTION.fullmatch(line):
            section = True
            lines += ["", f"**{line[:-1]}**", ""]
        elif section and line.startswith("    "):
            lines.append(listed(line[4:]))
        elif line.startswith(("    ", "  ")) and not section:
            lines.append(f"    {line}")  # A drawing.
        else:
            section = section and not line.strip()
            lines.append(escaped(line))
    return "\n".join(lines)


def listed(line: str) -> str:
    """A line of a section: an entry, or more of one."""
    entry = _ENTRY.fullmatch(line)
    if entry is None or line.startswith(" "):
        return f"    {escaped(line.strip())}"
    return f"- `{entry[1]}`: {escaped(entry[2])}"


def escaped(text: str) -> str:
    """Text that Markdown leaves as it is; what is code in it stays so."""
    return "".join(
        part if part.startswith("`") and part.endswith("`") else _SPECIAL.sub(r"\\\1", part)
        for part in _CODE.split(text)
    )
