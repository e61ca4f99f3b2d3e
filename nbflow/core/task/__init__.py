"""The task: its hash, its entry, the resume decision, and why."""
