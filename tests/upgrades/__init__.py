"""What users keep from one version to the next: keys, states, catalogs."""
