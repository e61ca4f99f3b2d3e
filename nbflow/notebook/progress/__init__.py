"""What a cell shows of its tasks: the live view with its cancel button, and the summary that stays."""
