"""Images: which ones are meant, read, brought to a network's channels and size, drawn on."""
