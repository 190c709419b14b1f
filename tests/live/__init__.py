"""The real thing here: Home Assistant and the simulator as processes, a browser, and the demo made of them."""
