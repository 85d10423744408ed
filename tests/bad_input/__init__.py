"""What the hub answers to bad input: one table, sent row by row to a running hub."""
