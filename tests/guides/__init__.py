"""The guides: every block of every one is run."""
