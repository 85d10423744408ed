"""What the hub sends, checked by definitions that others made and that are not kept here."""
