"""Where evidence comes from, a reader for each: bytes or an answer in, typed evidence out."""
