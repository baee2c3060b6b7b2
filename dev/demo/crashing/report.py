"""A program of the demo that ends with an exception of its own."""

import sys


def average(orders: list[int]) -> float:
    """Return the average of some orders."""
    return sum(orders) / len(orders)


def report(orders: list[int]) -> str:
    """Return a line about some orders."""
    return f"average: {average(orders):.2f}"


if __name__ == "__main__":
    sys.stdout.write("report of today's orders\n")
    sys.stdout.flush()
    sys.stdout.write(f"{report([])}\n")
