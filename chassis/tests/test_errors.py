from chassis.errors import Rejected, Stale, Unavailable


def test_an_error_carries_its_code_and_details() -> None:
    error = Rejected("too-many-entries", limit=200)

    assert (error.code, error.details, error.status, error.retriable) == (
        "too-many-entries",
        {"limit": 200},
        422,
        False,
    )


def test_only_unavailability_is_worth_another_attempt() -> None:
    assert Unavailable("store-unavailable").retriable


def test_stale_shows_what_is_there_now() -> None:
    assert Stale("stale-etag", current={"a": 1}).current == {"a": 1}


def test_a_detail_may_have_any_name() -> None:
    assert Rejected("x", code=1, message=2).details == {"code": 1, "message": 2}
