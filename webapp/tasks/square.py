"""The shortest task there can be: copy this file to begin one of your own."""

from jobs import job


@job(title="Square a number")
def square(n: int) -> str:
    """Multiply a whole number by itself."""
    return f"{n} * {n} = {n * n}"
