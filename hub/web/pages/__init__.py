"""Pages that work with live data: each is a frame for its script, and the data as JSON."""
