"""The real thing on this machine: Home Assistant and the simulator as processes, a browser, and the demo made of them."""
