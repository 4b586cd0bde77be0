"""mevals: multilingual evaluation of language models whose every number is right, traceable and honest."""

__version__ = "0.1.0"

_API = ("load_cells", "load_responses", "load_scores")


def __getattr__(name: str) -> object:
    """The notebook functions, imported on first use so that `mevals --help` stays instant."""
    import importlib

    if name in _API:
        return getattr(importlib.import_module("mevals.api"), name)
    if name == "run":
        return importlib.import_module("mevals.run")
    if name == "figures":
        return importlib.import_module("mevals.report.figures")
    raise AttributeError(f"module 'mevals' has no attribute {name!r}")
