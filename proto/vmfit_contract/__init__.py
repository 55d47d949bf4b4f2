"""What agent and comparator share beside the messages: files, addresses, errors."""

import os

# gRPC reads this when it is first imported. Its own log lines ("Got goaway" when a peer stops, "No
# match found for server name") go to standard error past Python's logging, beside the one clear
# line that people shall see.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
