"""Charts without a display, as SVG or PNG."""
