"""A cfg as layers with shapes, and the engine that runs them."""
