"""Where hosts stand."""
