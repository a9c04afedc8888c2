"""Agents of other frameworks, hosted as they are: Pydantic AI, LangGraph, OpenAI Agents SDK.

One module for each has a `host` that makes a Netra agent of one of theirs. `current` gives tools and nodes the run they
work for.
"""

from netra.hosting.hosted import current

__all__ = ["current"]
