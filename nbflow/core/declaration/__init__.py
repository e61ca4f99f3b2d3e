"""What a ``%%process`` cell says: its line, its options, its parameters and outputs."""
