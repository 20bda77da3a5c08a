"""Real loaders: what arrives in files and databases."""
