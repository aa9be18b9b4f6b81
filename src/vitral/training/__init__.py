"""Training: a generator of events, the state that it carries, and checkpoints of that state."""
