"""A small English grammar of our own that makes minimal pairs of sentences."""
