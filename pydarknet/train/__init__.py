"""Training: data, schedule, steps."""
