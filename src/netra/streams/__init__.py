"""The log of each thread: appended with a fence, committed in groups, followed by any number of readers."""
