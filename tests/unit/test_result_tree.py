"""A result as a tree of nodes."""

from jobs.web.result_tree import MAX_OPEN_SIZE, Sort, result_node


def _rows(count: int) -> list[dict[str, int]]:
    return [{"hour": number, "requests": 2 * number} for number in range(count)]


def test_a_long_part_is_folded_and_shows_its_size() -> None:
    tree = result_node({"short": _rows(MAX_OPEN_SIZE), "long": _rows(MAX_OPEN_SIZE + 1)}, Sort())
    short, long = (node for _, node in tree.items)
    assert (short.is_open, short.size) == (True, MAX_OPEN_SIZE)
    assert (long.is_open, long.size) == (False, MAX_OPEN_SIZE + 1)


def test_a_part_that_is_being_sorted_stays_open() -> None:
    tree = result_node({"long": _rows(MAX_OPEN_SIZE + 1)}, Sort.read("-0.1"))
    ((_, long),) = tree.items
    assert long.is_open
    assert long.rows[0] == [MAX_OPEN_SIZE, 2 * MAX_OPEN_SIZE]


def test_many_values_count_their_lines() -> None:
    tree = result_node({"values": list(range(40)), "one": 1}, Sort())
    assert [node.size for _, node in tree.items] == [40, 0]
