"""The cloud's addresses, a module a subject."""
