"""Detection over HTTP: an image in, its detections or a drawn image out. Needs the extra `serve`."""
