"""The sections of the page, one module a group; each function writes one section in one language."""
