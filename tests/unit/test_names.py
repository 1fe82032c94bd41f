"""Names in every script and of emoji; one key for all that is the same name."""

import sys
import unicodedata

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from services.errors import InvalidInput
from services.names import MAX_NAME_CODE_POINTS, check_username, skeleton

ENGLAND = "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"

GOOD_NAMES = [
    "cookielover57-",
    "Ann",
    "Ann Lee",
    "o'neill",
    "Łukasz_ß",
    "Ελένη",
    "Иван",
    "Іван",
    "محمد",
    "محمد٣",
    "אברהם",
    "देवनागरी",
    "বাংলা",
    "தமிழ்",
    "ไทยภาษา",
    "བོད་ཡིག",
    "አማርኛ",
    "ქართული",
    "Հայերեն",
    "ខ្មែរ",
    "たなか太郎",
    "タナカー",
    "tanaka太郎たろう",
    "李小龍",
    "bruce李",
    "ㄅㄆ李",
    "김철수",
    "kim김金",
    "Việt",
    "👍",
    "🐈🐈",
    "🐈Ελένη",
    "❤️",
    "👍🏽",
    "👩‍💻",
    "👩🏽‍🚀",
    "👨‍👩‍👧‍👦",
    "🏳️‍🌈",
    "🏴‍☠️",
    "🇳🇱",
    "1️⃣",
    ENGLAND,
    "🫨",  # newer than the Unicode of Python 3.11
    "ann.",
    "a" * MAX_NAME_CODE_POINTS,
    "🐈" * MAX_NAME_CODE_POINTS,
]

BAD_NAMES = {
    "length": ["", "a" * (MAX_NAME_CODE_POINTS + 1)],
    "unassigned": ["a\ud800", "\udc00", "a\ue000", "a\u0378", "\uffff", "\U000f0000"],
    "control": ["a\0", "a\n", "\ta", "a\x7f", "a\x85b", "a\u2028b", "a\u2029"],
    "normalization": ["A\u030a", "\u212b", "\u1100\u1161"],
    "invisible": [
        "a\u200bb",
        "a\u200db",
        "نامه\u200cای",
        "क\u094d\u200dष",
        "a\u202eb",
        "\u2066ann",
        "a\u00adb",
        "\u3164",
        "\u115fa",
        "a\ufe0f",
        "1\ufe0f",
        "🐈\ufe0e",
        "🐈\u200d",
        "\u200d🐈",
        "🐈\u200d\u200d🐈",
        "❤\ufe0f\ufe0f",
        ENGLAND[:-1],
        ENGLAND[0] + ENGLAND[-1],
        "🐈" + ENGLAND[1:],
        "a\U000e0061",
        "\u2800",
        "a\ufffdb",
        "\u0600",
    ],
    "reserved": ["a/b", "a\\b", "a?", "#a", "50%", "a／b", "a？", "℀", "50％", "⁇"],
    "space": [" a", "a ", "a  b", "a\u00a0b", "a\u3000b", "\u2003", " "],
    "mark": ["\u0301a", "a \u0301b", "x" + "\u0334\u0335\u0336\u0337\u0338"],
    "dots": [".", "..", "…", "．", "․․"],
    "mixed-scripts": [
        "\u0430pple",
        "Ελένηa",
        "Иванα",
        "𝐩\u0430ypal",
        "µa",
        "김たろう",
        "ㄅた",
        "אa",
        "देবা",
        "李Иван",
        "№Иван",
    ],
}


@pytest.mark.parametrize("name", GOOD_NAMES)
def test_names_in_any_script_and_of_emoji_are_returned_as_they_are(name: str) -> None:
    assert check_username(name) == name


@pytest.mark.parametrize(
    ("rule", "name"),
    [(rule, name) for rule, names in BAD_NAMES.items() for name in names],
    ids=lambda value: ascii(value) if len(value) < 20 else f"{len(value)} long",
)
def test_a_bad_name_is_refused_with_its_rule(rule: str, name: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        check_username(name)

    assert (refusal.value.pointer, refusal.value.rule) == ("/username", rule)
    assert len(name) < 3 or name not in refusal.value.detail


def test_the_longest_name_has_at_most_256_bytes() -> None:
    name = check_username("🐈" * MAX_NAME_CODE_POINTS)

    assert len(name.encode()) == 256


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ann", "aNN"),
        ("Ann", "Ａｎｎ"),
        ("Ann", "𝐀nn"),
        ("straße", "STRASSE"),
        ("ﬁsh", "fish"),
        ("ΣΟΦΟΣ", "σοφος"),
        ("ΣΟΦΟς", "σοφοσ"),
        ("Å", "A\u030a"),
        ("ｶﾞ", "ガ"),
        ("❤", "❤️"),
        ("👩‍💻", "👩💻"),
        ("🏴", ENGLAND),
        ("ᾳ", "ΑΙ"),
    ],
)
def test_names_that_are_one_name_have_one_skeleton(one: str, other: str) -> None:
    assert skeleton(one) == skeleton(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("ann", "anna"), ("👍", "👍🏽"), ("🇳🇱", "🇱🇳"), ("a", "á"), ("a", "\u0430")],
)
def test_names_that_differ_have_two_skeletons(one: str, other: str) -> None:
    assert skeleton(one) != skeleton(other)


@given(st.text(st.characters(max_codepoint=127)))
def test_ascii_has_the_skeleton_that_it_has_among_other_characters(text: str) -> None:
    assert skeleton(text) + "é" == skeleton(text + "é")


def test_the_skeleton_of_every_character_is_its_own_skeleton() -> None:
    keys = skeleton("\n".join(map(chr, range(sys.maxunicode + 1)))).split("\n")

    assert len(keys) == sys.maxunicode + 2
    assert [key for key in keys if skeleton(key.casefold()) != key] == []
    assert [key for key in keys if not unicodedata.is_normalized("NFKC", key)] == []


@given(st.text())
def test_the_skeleton_is_stable_under_case_and_normalization(name: str) -> None:
    key = skeleton(name)

    assert skeleton(key) == key
    assert skeleton(key.casefold()) == key
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert skeleton(unicodedata.normalize(form, name)) == key


@given(st.text(max_size=70) | st.text("ab🐈\u200d\ufe0f\u0301 ./Ж\U000e0061", max_size=8))
def test_what_is_accepted_keeps_every_promise(name: str) -> None:
    try:
        check_username(name)
    except InvalidInput:
        return

    assert 1 <= len(name) <= 64
    assert len(name.encode()) <= 256
    assert unicodedata.is_normalized("NFC", name)
    assert not regex.search(r"[\p{Cc}\p{Cs}\p{Co}\p{Bidi_Control}/\\?#%]", name)
    assert not regex.search(r"[\p{Cf}\p{DI}--[\u200d\ufe0f\U000e0030-\U000e007f]]", name, regex.V1)
    assert name == name.strip()
    assert skeleton(name).strip(".")


def test_every_letter_is_a_name_in_some_script() -> None:
    refused_for_script: list[str] = []
    for code in range(sys.maxunicode + 1):
        name = unicodedata.name(chr(code), "")
        # The tens of thousands alike, of which one stands for all.
        if name.startswith(("CJK", "HANGUL SYLLABLE", "TANGUT", "CUNEIFORM", "EGYPTIAN")):
            continue
        if unicodedata.category(chr(code)) not in ("Lu", "Ll", "Lo", "Lt"):
            continue
        try:
            check_username(chr(code))
        except InvalidInput as error:
            if error.rule == "mixed-scripts":
                refused_for_script.append(hex(code))

    assert refused_for_script == []
