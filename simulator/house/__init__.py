"""The house of a site: sun, base load, grid, and the meters that count what flows between them (docs/cloud-api/energy.md)."""
