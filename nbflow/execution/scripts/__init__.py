"""Script tasks: what they are given, the steps around them, their wrapper, and what they put out."""
