"""The inline executor: a body in the kernel itself."""
