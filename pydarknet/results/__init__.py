"""What a detector found in an image, as people hold it: arrays, drawings, tables, crops."""
