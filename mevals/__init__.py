"""mevals: multilingual evaluation of language models whose every number is right, traceable and honest."""

__version__ = "0.1.0"
