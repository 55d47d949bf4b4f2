"""Is there a fact?"""
