"""The client alone: over real HTTP against the simulated cloud, and against the published samples."""
