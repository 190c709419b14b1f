"""The simulator, held to the pages under ``docs/cloud-api/``."""
