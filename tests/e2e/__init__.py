"""End to end: a person at a browser, a real Home Assistant, a cloud that behaves."""
