"""The batteries of a site: their state, their settings and schedules, and every change of them."""
