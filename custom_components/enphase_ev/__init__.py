"""Enphase EV & Battery."""
