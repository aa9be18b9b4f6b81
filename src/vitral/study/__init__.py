"""The main job: a recipe in, a run folder out."""
