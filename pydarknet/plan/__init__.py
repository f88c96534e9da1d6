"""What layers speak: values and steps of inference and of training, shapes, activations."""
