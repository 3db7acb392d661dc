"""One file per subcommand: parse, call one stage, show the result."""
