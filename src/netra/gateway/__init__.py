"""HTTP, server-sent events and WebSocket: who is asking, what they may see, and how it reaches them."""
