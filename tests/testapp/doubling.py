"""A function for other processes, in a module that needs no Django."""


def double(n: int) -> int:
    """Return twice the number, in whatever process."""
    return 2 * n
