"""Anchors from boxes (k-means on IoU, paper section 2), and into a cfg file."""
