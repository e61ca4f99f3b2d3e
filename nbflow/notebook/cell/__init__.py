"""A cell: what a ``%%process`` cell does, what its tasks leave in the notebook, and how it ends."""
