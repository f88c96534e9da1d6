"""From the outputs of heads to detections: boxes, decoding, suppression. No layer, no network."""
