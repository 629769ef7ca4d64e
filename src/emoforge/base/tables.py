"""Nested values and rows as text that people read."""

from collections.abc import Iterable, Iterator, Mapping, Sequence


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a Markdown table; a bar within a cell is escaped.

    >>> print(markdown_table(["arm", "UAR"], [("real", 0.5)]), end="")
    | arm | UAR |
    | --- | --- |
    | real | 0.5 |
    """
    lines = [header, ["---"] * len(header), *rows]
    return "".join("| " + " | ".join(str(cell).replace("|", r"\|") for cell in line) + " |\n" for line in lines)


def flat(values: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    """Yield names and values of *values*, those of nested ones with dots in their names.

    >>> list(flat({"seed": 0, "select": {"ratio": 1.0}}))
    [('seed', 0), ('select.ratio', 1.0)]
    """
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
