"""The operators of channels by kind: each method of a channel, and the step or node that does its work."""
