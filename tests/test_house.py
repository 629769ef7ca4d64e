"""House rules that no other tool holds: how large a room may be, what its modules are called, who may read source code.

Layers and independence are import-linter's (pyproject.toml), circles of imports are in ``test_imports.py``.
"""

import ast
import inspect
import re
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from inspect import get_annotations
from pathlib import Path

import pytest

import emoforge

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "emoforge"
TESTS = ROOT / "tests"
PUBLIC_NAMES = TESTS / "public_names.txt"

MOST_MODULES = 16
MOST_LINES = 400
#: Folders that may hold more modules than :data:`MOST_MODULES`, each with its reason.
LARGE = {
    "src/emoforge/corpora/importers": "one module per corpus: they are alike, and none knows another",
    "tests/corpora/importers": "one module per importer",
}
#: Where a module is imported by a name that is only known at run time, which no reader of imports can see.
LOOKS_UP_MODULES = {
    "src/emoforge/__init__.py": "the functions for notebooks, imported when they are first used",
    "src/emoforge/cli/common.py": "the stage of a command",
    "src/emoforge/convert/registry.py": "kinds of converter",
    "src/emoforge/corpora/registry.py": "importers of corpora",
}
#: The only module that reads source code: every key that holds a checksum of code comes from it.
READS_SOURCE = "src/emoforge/project/checksums.py"
#: Modules that ask where they lie for another reason.
KNOWS_ITS_PLACE = {
    READS_SOURCE: "it reads the package's files",
    "src/emoforge/corpora/demo/espeak.py": "it runs itself in another process",
    "src/emoforge/project/scaffold.py": "its template lies beside it",
    "src/emoforge/quality/voice.py": "its weights lie beside it",
}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def folders() -> list[str]:
    """The folders of the package and of its tests that hold Python modules, themselves or further down."""
    return sorted(
        {
            name_of(parent)
            for path in modules()
            for parent in path.parents
            if parent.is_relative_to(PACKAGE) or parent.is_relative_to(TESTS)
        }
    )


def modules(below: tuple[Path, ...] = (PACKAGE, TESTS)) -> list[Path]:
    return sorted(path for folder in below for path in folder.rglob("*.py"))


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def nodes() -> Iterator[tuple[str, ast.AST]]:
    """Every node of the package's code with the module that it stands in; docstrings are left out."""
    for path in modules((PACKAGE,)):
        tree = parsed(path)
        docstrings = {
            id(node.body[0].value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
            and node.body
            and isinstance(node.body[0], ast.Expr)
        }
        yield from ((name_of(path), node) for node in ast.walk(tree) if id(node) not in docstrings)


def called(node: ast.AST) -> str:
    """The last part of the name of the function that *node* calls; empty where it calls none."""
    if not isinstance(node, ast.Call):
        return ""
    return getattr(node.func, "attr", None) or getattr(node.func, "id", "")


@pytest.mark.parametrize("folder", folders())
def test_a_folder_holds_few_modules_or_says_why(folder):
    found = [path.name for path in (ROOT / folder).glob("*.py") if path.name != "__init__.py"]
    if folder in LARGE:
        assert len(found) > MOST_MODULES, f"{folder} is no longer large: take it out of LARGE"
    else:
        assert len(found) <= MOST_MODULES, (
            f"{folder} holds {len(found)} modules: make a room, or give a reason in LARGE"
        )


def test_a_module_is_short():
    lines = {name_of(path): len(path.read_text("utf-8").splitlines()) for path in modules()}
    assert {name: count for name, count in lines.items() if count > MOST_LINES} == {}


@pytest.mark.parametrize("folder", folders())
def test_no_two_neighbours_share_the_first_word_of_their_names(folder):
    entries = [
        path.stem.removeprefix("test_")
        for path in (ROOT / folder).iterdir()
        if (path.suffix == ".py" or (path.is_dir() and any(path.rglob("*.py")))) and not path.name.startswith("__")
    ]
    words = Counter(entry.split("_")[0] for entry in entries)
    shared = {
        word: sorted(entry for entry in entries if entry.split("_")[0] == word) for word in words if words[word] > 1
    }
    assert shared == {}, f"{folder}: what belongs together has a folder of its own"


def test_modules_are_looked_up_by_name_in_registries_only():
    found = set()
    for module, node in nodes():
        name = called(node)
        if name in ("__import__", "run_module", "run_path") or (
            name == "import_module" and not isinstance(node.args[0], ast.Constant)
        ):
            found.add(module)
    assert found == set(LOOKS_UP_MODULES)


def test_source_code_is_read_in_one_place_only():
    readers, places = set(), set()
    for module, node in nodes():
        name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
        if name in ("__code__", "co_code", "getsource", "getsourcefile", "getsourcelines", "getfile"):
            readers.add(module)
        if name in ("__file__", "__path__"):
            places.add(module)
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if re.search(r"\.py\b", node.value):
                readers.add(module)
            if node.value == "__file__":
                places.add(module)
    assert readers <= {READS_SOURCE}
    assert places == set(KNOWS_ITS_PLACE)


def test_only_commands_read_the_command_line():
    readers = {
        module for module, node in nodes() if isinstance(node, ast.Attribute) and ast.unparse(node) == "sys.argv"
    }
    assert {module for module in readers if not module.startswith("src/emoforge/cli/")} == set()


def test_public_names_are_as_written_down():
    """What a notebook may rely on: a change of these lines is a change that users must be told."""
    assert public_names() == PUBLIC_NAMES.read_text("utf-8"), "run `python tests/test_house.py` and read the difference"


def public_names() -> str:
    """One line for every public name and, below a class, for what it offers."""
    lines = []
    for name in sorted(emoforge.__all__):
        value = getattr(emoforge, name)
        lines += [described(name, value)]
        if inspect.isclass(value) and not issubclass(value, Exception):
            own = {key: member for key, member in vars(value).items() if not key.startswith("_") or key == "__call__"}
            attributes = {
                key: inspect.formatannotation(kind)
                for key, kind in get_annotations(value).items()
                if not key.startswith("_")
            }
            lines += [f"    {key}: {kind}" for key, kind in attributes.items()]
            lines += [f"    {described(key, member)}" for key, member in sorted(own.items()) if key not in attributes]
    return "\n".join(lines) + "\n"


def described(name: str, value: object) -> str:
    if inspect.isclass(value):
        bases = [base.__name__ for base in value.__bases__ if base is not object]
        return f"class {name}({', '.join(bases)})" if bases else f"class {name}"
    if isinstance(value, classmethod | staticmethod):
        return f"{type(value).__name__} {name}{signature(value.__func__)}"
    return f"def {name}{signature(value)}" if callable(value) else name


def signature(function: Callable) -> str:
    found = inspect.signature(function)
    # A default that is a function shows where it lies in memory.
    shown = [one.replace(default=...) if inspect.isfunction(one.default) else one for one in found.parameters.values()]
    return str(found.replace(parameters=shown))


if __name__ == "__main__":
    PUBLIC_NAMES.write_text(public_names(), "utf-8")
