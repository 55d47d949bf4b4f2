"""The socket between the collecting and the serving process: calls without gRPC."""
