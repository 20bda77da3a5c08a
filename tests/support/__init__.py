"""What several tests use: runs of the tap, fakes, truths."""
