"""Files as users bring them, to values and back: no backend, no image."""
