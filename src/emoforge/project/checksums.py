"""Checksums of what made a result: code, models, files. The one place that reads source code for a key.

The code part of a key is computed: from a function to its module, and on to every module of the package that it
imports, directly or through others. Nobody keeps a list of source files. Modules that are imported by a computed name
(an importer, a kind of converter) cannot be seen this way; whoever looks one up passes it as a further *maker*.
"""

import ast
import hashlib
import json
import sys
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from types import ModuleType

PACKAGE = Path(__file__).resolve().parents[1]
_ROOT = PACKAGE.parent
#: Files of the package that modules in the same folder read.
READ_BESIDE = (".jinja", ".css", ".safetensors")
# Whose modules are looked up by name, which no reader of imports sees: module that looks up → folder that it looks in.
_LOOKED_UP = {
    PACKAGE / "convert/registry.py": PACKAGE / "convert",
    PACKAGE / "corpora/registry.py": PACKAGE / "corpora",
}
# Stages that ask the registry of corpora for more than names, which params.yaml is checked against in every stage.
_READS_CORPORA = ("demo", "ingest", "publish")


def digest(value: object) -> str:
    """Return the SHA-256 of *value*, anything that JSON can hold; the order of keys does not matter."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def code_sha256(*makers: Callable | ModuleType) -> str:
    """Return the checksum of the code that *makers* run: their modules and all modules these import.

    Comments, docstrings and layout do not count. Every file is read once a process: what is edited later is not what
    this process runs.

    Args:
        makers: functions, classes or modules of the package.
    """
    names = [maker.__name__ if isinstance(maker, ModuleType) else maker.__module__ for maker in makers]
    return _modules_sha256(tuple(sorted(set(names))))


@cache
def _modules_sha256(names: tuple[str, ...]) -> str:
    files: set[Path] = set()
    for name in names:
        path = module_file(name)
        if path is None:
            raise ValueError(f"{name} is not a module of the package")
        files |= {path, *import_closure(path)}
    return files_sha256(files)


def files_sha256(files: Iterable[Path]) -> str:
    """Return the checksum of *files* of the package: of the code of modules, and of the bytes of other files."""
    return digest([[path.relative_to(PACKAGE).as_posix(), _meaning(path)] for path in sorted(files)])


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of the bytes of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def folder_sha256(folder: Path) -> str:
    """Return the SHA-256 of a model folder: of the names and bytes of its files."""
    checksum = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        checksum.update(path.relative_to(folder).as_posix().encode() + b"\0")
        checksum.update(bytes.fromhex(file_sha256(path)))
    return checksum.hexdigest()


def import_closure(path: Path) -> frozenset[Path]:
    """Return the files of the package that *path* imports, directly or through others, wherever the import stands.

    The packages that an import passes through are among them; the package's own ``__init__.py`` is not, since it only
    gives access to the rest.
    """
    seen: set[Path] = set()
    todo = [path]
    while todo:
        for file in _imports(todo.pop()) - seen:
            seen.add(file)
            todo.append(file)
    return frozenset(seen - {PACKAGE / "__init__.py"})


def code_of(stage: str, script: Path) -> set[Path]:
    """Return the files of the package that *stage* and its *script* run or read.

    These are modules with content, and templates and weights beside them.

    Args:
        stage: its name.
        script: the file that starts it, which need not belong to the package.
    """
    closure = import_closure(script)
    files = {file for file in {script, *closure} if file.stat().st_size}
    for registry, folder in _LOOKED_UP.items():
        if registry in closure and (folder.name != "corpora" or stage in _READS_CORPORA):
            files |= {file for file in folder.rglob("*.py") if file.stat().st_size}
    return files.union(*map(_read_by, files))


def module_file(name: str) -> Path | None:
    """Return the file of the module *name* of the package; None for anything else."""
    loaded = sys.modules.get(name)
    if loaded is not None and loaded.__file__ and name.split(".")[0] == PACKAGE.name:
        return Path(loaded.__file__).resolve()
    base = _ROOT / Path(*name.split("."))
    return next((path for path in (base.with_suffix(".py"), base / "__init__.py") if path.is_file()), None)


def _read_by(module: Path) -> set[Path]:
    """Return the files beside *module* that it names."""
    beside = [path for path in module.parent.iterdir() if path.suffix in READ_BESIDE]
    text = module.read_text("utf-8") if beside else ""
    return {path for path in beside if path.name in text}


@cache
def _imports(path: Path) -> frozenset[Path]:
    found: set[Path] = set()
    for node in ast.walk(_parsed(path)):
        if isinstance(node, ast.Import):
            names: Iterable[str] = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        for name in names:
            parts = name.split(".")
            if parts[0] == PACKAGE.name:
                prefixes = [".".join(parts[:length]) for length in range(1, len(parts) + 1)]
                found |= {file for prefix in prefixes if (file := module_file(prefix))}
    return frozenset(found)


@cache
def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


@cache
def _meaning(path: Path) -> str:
    """Return the checksum of a module's code without its docstrings, or of any other file's bytes."""
    if path.suffix != ".py":
        return hashlib.sha256(path.read_bytes()).hexdigest()
    tree = ast.parse(path.read_text("utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                node.body = node.body[1:]
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest()
