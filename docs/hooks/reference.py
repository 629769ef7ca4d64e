"""Fills the tables of the reference pages from the code, so that no description is written twice.

A page asks for a table by a line such as ``<!-- from the code: params -->``.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml

_PLACE = re.compile(r"^<!-- from the code: (\w+) -->$", re.MULTILINE)
#: Marks by which docstrings name code; on a page the code itself is enough.
_ROLE = re.compile(r":(?:func|class|meth|attr|data|mod):(?=<code>)")
_REPOSITORY = Path(__file__).resolve().parents[2]
_COLUMNS = 100


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Put every table that a page asks for in its place (called by MkDocs for each page).

    Raises:
        KeyError: a page asks for a table that does not exist.
    """
    return _PLACE.sub(lambda match: "\n".join(TABLES[match[1]]()), markdown)


def on_page_content(html: str, **_: Any) -> str:
    """Leave out the roles of docstrings (called by MkDocs for each page)."""
    return _ROLE.sub("", html)


def params() -> Iterator[str]:
    """Yield one section per section of params.yaml: key, allowed values, value in the repository, meaning."""
    from emoforge.project.params import Params

    values = yaml.safe_load((_REPOSITORY / "params.yaml").read_text("utf-8"))
    schema = Params.model_json_schema()
    top = {name: field for name, field in schema["properties"].items() if "$ref" not in field}
    yield from _params_table(top, values)
    for name, field in schema["properties"].items():
        if name not in top:
            yield from _params_section(name, field, values[name], schema["$defs"])


def manifest() -> Iterator[str]:
    """Yield a table of the manifest's columns."""
    from emoforge.dataset.manifest import SCHEMA

    return _schema_table(SCHEMA)


def rejected() -> Iterator[str]:
    """Yield a table of the columns of rejected.parquet."""
    from emoforge.dataset.manifest import REJECTED_SCHEMA

    return _schema_table(REJECTED_SCHEMA)


def commands() -> Iterator[str]:
    """Yield one section per command: what ``--help`` prints."""
    import typer

    from emoforge.cli import app

    yield from _command_sections(typer.main.get_command(app), "emoforge", None)


def corpora() -> Iterator[str]:
    """Yield a table of the corpora that have an importer."""
    from emoforge.corpora import corpora_table

    rows = corpora_table()
    yield from _table(list(rows[0]), ([str(value) for value in row.values()] for row in rows))


def labels() -> Iterator[str]:
    """Yield a table of what the labels of each published corpus become."""
    from emoforge.corpora import info, labels_line, names

    published = [known for known in map(info, names()) if not known.own]
    yield from _table(
        ["name", "label as published → emotion"], ([known.name, labels_line(known)] for known in published)
    )


def door() -> Iterator[str]:
    """Yield an entry for mkdocstrings per public name of the package, headed by the name that users import."""
    import emoforge

    for name in emoforge.__all__:
        member = getattr(emoforge, name)
        yield from (
            f"::: {member.__module__}.{member.__qualname__}",
            "    options:",
            f"      heading: emoforge.{name}",
            f"      toc_label: {name}",
            "",
        )


def _params_section(name: str, field: dict, values: dict, definitions: dict) -> Iterator[str]:
    properties = definitions[field["$ref"].rsplit("/", 1)[1]]["properties"]
    yield from ("", f"## {name}", "")
    flat = {key: each for key, each in properties.items() if "$ref" not in each}
    yield from _params_table(flat, values)
    for key, each in properties.items():
        if key not in flat:
            yield from _params_section(f"{name}.{key}", each, values[key], definitions)


def _params_table(fields: dict, values: dict) -> Iterator[str]:
    def row(key: str, field: dict) -> list[str]:
        return [f"`{key}`", _allowed(field), f"`{values.get(key, field.get('default'))!r}`", field["description"]]

    return _table(["key", "allowed", "value here", "meaning"], (row(key, field) for key, field in fields.items()))


def _allowed(field: dict) -> str:
    """Return what the JSON schema *field* allows, as a reader of the table says it."""
    if "anyOf" in field:
        return " or ".join(_allowed(each) for each in field["anyOf"])
    if "enum" in field or "const" in field:
        return ", ".join(f"`{value}`" for value in field.get("enum", [field.get("const")]))
    if field["type"] == "array":
        return f"list of {_allowed(field['items'])}"
    kind = {"integer": "integer", "number": "number", "string": "text", "boolean": "true or false"}[field["type"]]
    limits = (
        ("minimum", "at least"),
        ("exclusiveMinimum", "above"),
        ("maximum", "at most"),
        ("exclusiveMaximum", "below"),
    )
    return ", ".join([kind, *(f"{word} {field[limit]:g}" for limit, word in limits if limit in field)])


def _schema_table(schema: pa.Schema) -> Iterator[str]:
    def row(field: pa.Field) -> list[str]:
        metadata = {key.decode(): value.decode() for key, value in field.metadata.items()}
        filled = "no" if field.nullable else "yes"
        return [f"`{field.name}`", str(field.type), metadata.get("unit", ""), filled, metadata["description"]]

    return _table(["column", "type", "unit", "always filled", "meaning"], (row(field) for field in schema))


def _command_sections(command: Any, name: str, parent: Any) -> Iterator[str]:
    context = type(command).context_class(
        command, info_name=name, parent=parent, terminal_width=_COLUMNS, max_content_width=_COLUMNS
    )
    path = context.command_path
    yield from ("", f"## {path}", "", "```text", command.get_help(context), "```")
    for child, subcommand in getattr(command, "commands", {}).items():
        yield from _command_sections(subcommand, child, context)


def _table(head: list[str], rows: Iterator[list[str]]) -> Iterator[str]:
    yield _line(head)
    yield _line(["---"] * len(head))
    for row in rows:
        yield _line(row)


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


TABLES: dict[str, Callable[[], Iterator[str]]] = {
    function.__name__: function for function in (params, manifest, rejected, commands, corpora, labels, door)
}
