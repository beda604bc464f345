"""The shortest possible task: copy this file to start one of your own."""

from jobs import job


@job(title="Square a number")
def square(n: int) -> str:
    """Multiply a whole number by itself."""
    return f"{n} * {n} = {n * n}"
