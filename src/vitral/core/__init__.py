"""Numbers only: arrays, the flat parameter vector, reproducible randomness. No I/O, no clock."""
