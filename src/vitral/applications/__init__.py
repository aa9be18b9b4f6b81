"""What a trained model is used for: one module or folder an application."""
