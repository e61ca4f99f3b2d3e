"""The local executor: processes on this machine, and what outlives none of them."""
