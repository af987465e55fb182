"""Names in a chart: always plain text, with their own direction, and not too wide."""

import pytest

from replaychart.drawing.texts import displayed, fitted, lines, width_of

REORDERING = [*map(chr, range(0x202A, 0x202F)), *map(chr, range(0x2066, 0x2070))]
FROM_RIGHT_TO_LEFT = ["قطة صغيرة (cat)", "כלב 3", "می\u200cکنم", "שם\u200e, 2"]
ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"


@pytest.mark.parametrize("character", REORDERING, ids=lambda character: f"{ord(character):x}")
def test_what_reorders_other_texts_is_replaced(character: str) -> None:
    assert displayed(f"photo{character}gnp.exe") == "photo\ufffdgnp.exe"
    assert character not in fitted(f"photo{character}" * 20, 100)
    assert character not in "".join(lines(f"a {character} b", 100))


@pytest.mark.parametrize("character", ["\x00", "\x07", "\n", "\x7f", "\x9b", "\u2028", "\ufff9"])
def test_control_characters_are_replaced(character: str) -> None:
    assert displayed(f"a{character}b") == "a\ufffdb"


@pytest.mark.parametrize("name", [*FROM_RIGHT_TO_LEFT, "日本語", "👩\u200d👧 2", "größer"])
def test_names_of_any_writing_are_displayed_as_they_are(name: str) -> None:
    assert displayed(name) == name
    assert fitted(name, 200) == name


def test_a_long_name_keeps_begin_and_end() -> None:
    name = "block_1_" + "convolution_" * 10 + "norm_3"
    short = fitted(name, 120)
    begin, end = short.split(ELLIPSIS)
    assert name.startswith(begin)
    assert name.endswith(end)
    assert min(len(begin), len(end)) > 5
    assert 80 < width_of(short, size=11) <= 120


WIDE = ["WWWWmmmm@@" * 9, "illiji.!" * 20, "日本語の長い名前" * 9, "😀🎉" * 40]


@pytest.mark.parametrize("name", WIDE)
@pytest.mark.parametrize("pixels", [60, 150, 400])
def test_a_fitted_text_is_no_wider_than_asked_for(name: str, pixels: int) -> None:
    for size in (11, 14):
        assert width_of(fitted(name, pixels, size=size), size=size) <= pixels


def test_letters_are_not_taken_from_the_marks_that_belong_to_them() -> None:
    family, accented = "👩\u200d👩\u200d👧", "e\u0301\u0323"
    for piece in (family, accented):
        begin, end = fitted(piece * 40, 100).split(ELLIPSIS)
        for part in (begin, end):
            assert part.replace(piece, "") == ""


def test_no_room_leaves_a_few_letters() -> None:
    assert len(fitted("a_name_of_many_letters", 0)) >= 3
    assert fitted("ab", 0) == "ab"


def test_a_long_text_is_broken_between_words() -> None:
    text = "loss: NaN or infinite at 5 of 120 epochs, first at 14"
    assert lines(text, 400) == [text]
    broken = lines(text, 150)
    assert " ".join(broken) == text
    assert len(broken) == 2
    assert max(width_of(line, size=11) for line in broken) <= 150
    assert ELLIPSIS in lines("a " + "b" * 100, 150)[1]
