"""One execution of an agent in a thread: accepted, claimed under a fence, journaled, and ended by exactly one event."""
