"""Whether this server is well, measured by itself: checks, metrics, and sentinels that watch the event loop."""
