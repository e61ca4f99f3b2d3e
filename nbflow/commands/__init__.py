"""The commands of the command line, a file each: its words and options, and what it prints.

What they do lies below, in `nbflow.storage`, `nbflow.execution` and `nbflow.headless`. `nbflow.cli` puts them together.
"""
