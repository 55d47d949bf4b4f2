"""Reads libvirt: connections, events, and the XML that it answers with."""
