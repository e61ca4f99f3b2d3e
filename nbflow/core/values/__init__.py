"""Values and files: their digests."""
