"""End-to-end encrypted rooms on Ilo."""
