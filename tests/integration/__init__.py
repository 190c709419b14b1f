"""The integration inside Home Assistant, against the simulator over real sockets."""
