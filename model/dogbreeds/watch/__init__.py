"""Rules that watch a training run and stop it when it goes wrong."""
