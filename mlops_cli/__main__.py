"""`mlops`, which `python -m mlops_cli` is too: interrupted while it loads, it says so as ever."""

import sys


def main() -> None:
    """Loads the command line and runs it."""
    try:
        from mlops_cli.cli import main as run
    except KeyboardInterrupt:
        # What would print it is what was being loaded.
        told = '{"error": "interrupted", "hint": "", "exit_code": 130}'
        sys.stderr.write(f"{told if '--json' in sys.argv else 'error: interrupted'}\n")
        sys.exit(130)
    run()


if __name__ == "__main__":
    main()
