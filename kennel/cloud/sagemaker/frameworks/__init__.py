"""Run AWS's toolkits as local processes, in place of its PyTorch images."""
