"""Tests: the client, the integration in-process, structural checks, and end-to-end runs on the real thing."""
