from itertools import pairwise

import pytest

from tools import check_cycles


def test_a_circle_is_named_in_the_order_of_its_imports() -> None:
    modules = check_cycles.circle({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}})
    assert len(modules) == 4
    assert modules[0] == modules[-1]
    assert all(pair in [("a", "b"), ("b", "c"), ("c", "a")] for pair in pairwise(modules))


def test_modules_without_a_circle_pass() -> None:
    assert check_cycles.circle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_the_project_has_no_circle(capsys: pytest.CaptureFixture[str]) -> None:
    assert check_cycles.main() == 0, capsys.readouterr().err
