"""Python code: what it reads, what it reaches, and what counts of it."""
