"""Table formats, one file each: how rows are read from a file and written to one. No torch here."""
