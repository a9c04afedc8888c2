"""Netra, the agent server whose isolation you can prove."""

from netra.errors import NetraError

__all__ = ["NetraError", "__version__"]

__version__ = "0.1.0"
