"""Where a program is entered from outside, and which functions that leads to."""
