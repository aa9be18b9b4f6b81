"""Lossless compression by bits-back coding: entropy coder, codecs, the coder of rows, and models in exact integers."""
