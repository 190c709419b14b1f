"""The simulator, held to the pages under ``api/``."""
