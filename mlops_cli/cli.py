"""The door: the Typer app, the list of commands, and errors turned into exit codes."""
