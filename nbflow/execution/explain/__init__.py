"""What is told of tasks: why they ran, in what two runs differ, how one failed."""
