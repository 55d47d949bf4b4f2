"""Reads X.509 certificates where libvirt keeps them."""
