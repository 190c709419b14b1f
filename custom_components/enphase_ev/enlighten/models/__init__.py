"""What the cloud says, as frozen dataclasses with their units in the docstrings."""
