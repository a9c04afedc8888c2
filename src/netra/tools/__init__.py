"""Tools: who may use which, and the one way to call them."""
