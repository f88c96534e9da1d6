"""The process around us: signals, streams, displays, progress, arguments."""
