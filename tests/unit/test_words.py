"""The check of the project's English finds what it is for, and nothing else."""

import pytest

from scripts import words


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ('"""What a module holds."""\n', [1]),
        ('"""Module."""\n\n\nclass A:\n    """Whether it is."""\n', [5]),
        ('"""Module."""\n\n\ndef f():\n    """How it goes.\n\n    More.\n    """\n', [5]),
        ('"""Module."""\n\nhasten = 1\n', [3]),
        ('"""Module of postponed records."""\n', [1]),
        ('"""Whatever begins otherwise."""\n\n\ndef f():\n    """Return the answer: what it is."""\n', []),
        ("# What a comment states.\nx = 1\n", []),
    ],
)
def test_docstrings_and_words_are_found_by_line(source: str, lines: list[int]) -> None:
    assert [line for line, _ in words.objections(source)] == lines


def test_documents_are_checked_for_words_alone() -> None:
    assert [line for line, _ in words.objections("How it goes\n\na guest\n", python=False)] == [3]
