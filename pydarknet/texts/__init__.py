"""Recurrent networks on text: read, trained on, written and judged, as Darknet's `rnn` does."""
