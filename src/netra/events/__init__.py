"""What can happen: one struct for each type of event, and the bytes that every reader sees."""
