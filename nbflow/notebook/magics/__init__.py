"""What users type: the magics, completion, settings."""
