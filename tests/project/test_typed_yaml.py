import pytest
from pydantic import Field

from emoforge.base.errors import ParamsError
from emoforge.project.typed_yaml import Section, read_typed


class Part(Section):
    name: str
    amount: int | float = 0


class Whole(Section):
    title: str
    parts: list[Part] = Field([])
    options: dict[str, int | float] = Field({})
    main: Part | None = None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("titel: x", "unknown key 'titel' (did you mean 'title'?)"),
        (
            "title: x\nparts: [{name: a}, {nam: b}]",
            "unknown key 'nam' (did you mean 'name'?); allowed: name, amount in `parts.1`",
        ),
        ("title: x\nmain: {amount: 1}", "key 'main.name' is missing; copy it"),
        # A value of several possible types: the line names the key, not the types that were tried.
        ("title: x\nparts: [{name: a, amount: much}]", "parts.0.amount = 'much': input should be a valid"),
        ("title: x\noptions: {steps: many}", "options.steps = 'many': input should be a valid"),
        ("title: [x]", "title = ['x']: input should be a valid string"),
        ("- title", "expected keys such as `title:`, found list"),
        ("title: [", "not valid YAML"),
    ],
)
def test_a_mistake_is_one_line_that_names_it(tmp_path, text, message):
    path = tmp_path / "whole.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(ParamsError) as raised:
        read_typed(path, Whole, expected="keys such as `title:`", missing="write one", example="copy it")
    assert str(raised.value).startswith(f"{path}: {message}")
    assert "\n" not in str(raised.value)
