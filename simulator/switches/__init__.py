"""All switches of the simulated cloud: how a group of them works, the list of a deployment, and those of its batteries."""
