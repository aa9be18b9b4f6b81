"""The parts of a model: each is a formula and its derivative, frozen and without numbers of its own."""
