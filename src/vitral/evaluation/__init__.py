"""What a trained model is worth: likelihood, latent space, baselines. Nothing here trains."""
