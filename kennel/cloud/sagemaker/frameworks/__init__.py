"""What runs here in the place of AWS's PyTorch images."""
