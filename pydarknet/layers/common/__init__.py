"""What several layers share; no file here is a section."""
