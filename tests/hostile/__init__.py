"""Against input that has gone wrong, or that means harm."""
