"""Agents of other frameworks, hosted as they are: Pydantic AI, LangGraph, OpenAI Agents SDK."""
