"""WORLD's Python binding, imported once and without its warning."""

import warnings

with warnings.catch_warnings():
    # pyworld 0.3.5 reads its own version through pkg_resources, which warns that it is deprecated.
    warnings.filterwarnings("ignore", message="pkg_resources is deprecated")
    import pyworld

__all__ = ["pyworld"]
