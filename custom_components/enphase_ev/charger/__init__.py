"""The chargers of a site: what they do, what was asked of them, and what is known about them."""
