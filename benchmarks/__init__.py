"""Figures about the integration. They assert nothing."""
