"""Pseudonyms for what identifies: the same value has the same one, wherever one key is used."""
