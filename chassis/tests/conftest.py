import pytest

pytest.register_assert_rewrite("chassis.tests.store_suite")
