"""The explorer: one page in which a trained model can be taken hold of, offline, with every number real."""
