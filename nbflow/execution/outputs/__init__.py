"""Output files: which paths a pattern means, and what is found."""
