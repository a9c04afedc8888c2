"""What Netra speaks on the wire, as values in and bytes out. Nothing here waits."""
