"""Where the Darknets differ."""
