"""Talking in rooms: on a terminal by a prompt, elsewhere line by line."""
