"""Reads network interfaces, sockets and Open vSwitch."""
