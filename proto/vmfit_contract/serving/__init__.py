"""The gRPC server of agent and comparator: who may call, how much at a time, and for how long."""
