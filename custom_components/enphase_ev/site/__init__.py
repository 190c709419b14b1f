"""What belongs to a site as a whole, and to neither its chargers nor its batteries."""
