"""What names, expressions and calls mean: kinds, receivers, members. Nothing here knows of requests or databases."""
