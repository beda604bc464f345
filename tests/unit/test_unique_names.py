"""Names in the OpenAPI document that no generator takes for one."""

from jobs.api.unique_names import unique_names


def test_names_that_are_apart_stay_as_they_are() -> None:
    wanted = ["shop.count", "desk.count"]
    assert unique_names(wanted) == {name: name for name in wanted}


def test_names_that_a_generator_takes_for_one_are_told_apart_in_any_order() -> None:
    wanted = ["shop.count_words", "shop_count.words", "Shop.CountWords", "shop.other"]
    found = unique_names(wanted)
    assert len({name.lower().replace("_", "").replace(".", "") for name in found.values()}) == 4
    assert found["shop.other"] == "shop.other"
    assert unique_names(reversed(wanted)) == found


def test_a_name_that_is_taken_is_told_apart() -> None:
    assert unique_names(["j.ob"], ["Job"])["j.ob"].startswith("j.ob_")
