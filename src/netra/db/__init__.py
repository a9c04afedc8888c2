"""PostgreSQL: the only place where truth lives, and the wall that row-level security puts around each user."""
