"""What agent and comparator share beside the messages: files, addresses, errors."""
