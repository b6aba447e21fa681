from collections.abc import Callable
from pathlib import Path

import pytest

from tools import check_sizes

Check = Callable[[str], list[str]]


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Check:
    monkeypatch.setattr(check_sizes, "ROOT", tmp_path)

    def checked(text: str) -> list[str]:
        path = tmp_path / "module.py"
        path.write_text(text, "utf-8")
        return list(check_sizes.too_large(path))

    return checked


def test_a_module_of_more_than_400_lines_is_reported(check: Check) -> None:
    assert check("x = 1\n" * 400) == []
    assert check("x = 1\n" * 401) == ["module.py: 401 lines, at most 400"]


def test_a_function_of_more_than_60_lines_is_reported(check: Check) -> None:
    assert check("def f():\n" + "    x = 1\n" * 59) == []
    assert check("async def f():\n" + "    x = 1\n" * 60) == ["module.py:1: function f has 61 lines, at most 60"]


def test_a_class_of_more_than_15_attributes_is_reported(check: Check) -> None:
    def text(count: int) -> str:
        return "class C:\n    def __init__(self):\n" + "".join(f"        self.a{number} = 1\n" for number in range(count))

    assert check(text(15)) == []
    assert check(text(16)) == ["module.py:1: class C has 16 attributes, at most 15"]


def test_fields_of_data_classes_do_not_count(check: Check) -> None:
    fields = "".join(f"    a{number}: int = 1\n" for number in range(20))
    assert check("@dataclass\nclass C:\n" + fields) == []
    assert check("class C(BaseModel):\n" + fields) == []
