"""Who brings a program to a place, and what of a request arrives there: entry points, routes, taint, state that is shared."""
