"""The package's modules import one another in one direction only, within a room as between rooms."""

from graphlib import CycleError, TopologicalSorter

import grimp


def test_no_module_imports_itself_through_others():
    graph = grimp.build_graph("emoforge")
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        raise AssertionError("modules import each other: " + " <- ".join(error.args[1])) from None
