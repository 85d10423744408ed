"""How-tos, one everyday question each, and their Markdown as pages and terminals read it."""
