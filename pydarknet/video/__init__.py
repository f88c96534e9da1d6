"""Frames in, frames out, and detection averaged over them."""
