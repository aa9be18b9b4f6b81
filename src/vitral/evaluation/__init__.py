"""What a trained model is worth. Nothing here changes the model; a small classifier that judges samples is trained."""
