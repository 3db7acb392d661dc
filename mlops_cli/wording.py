"""How numbers stand in a sentence."""


def counted(count: int, noun: str, plural: str = "") -> str:
    """`1 row`, `2 rows`."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"
