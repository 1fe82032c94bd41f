"""Which usernames may be taken, and which of them count as the same name.

``check_username`` is for registration only: it may become stricter or wider with newer
Unicode data. ``skeleton`` of a name that was accepted once stays the same for good, since
Unicode promises never to change normalisation and case folding of assigned characters.
"""

import unicodedata

import regex

from services.errors import InvalidInput

# 64 code points are never more than 256 bytes of UTF-8, so that bound needs no check.
MAX_NAME_CODE_POINTS = 64
MAX_MARKS_IN_A_ROW = 4
RESERVED = frozenset("/\\?#%")

# Assigned characters that show nothing, though Unicode counts them as symbols: the braille
# blank, the null notehead, and the stand-ins for objects and for undecodable bytes.
_BLANK = frozenset("\u2800\ufffc\ufffd\U0001d159")

# The emoji sequences of UTS #51 that hold characters which show nothing by themselves:
# flags made with tags, keycaps, and pictures with a variation selector, a skin tone or joiners.
_EMOJI_PIECE = r"[\p{Emoji}&&\p{ExtPict}&&\P{Cn}](?:\ufe0f|\p{EMod})?"
_EMOJI_SEQUENCE = regex.compile(
    r"\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,6}\U000e007f"
    r"|[0-9*]\ufe0f\u20e3"
    rf"|{_EMOJI_PIECE}(?:\u200d{_EMOJI_PIECE})*+",
    regex.VERSION1,
)
_PICTURE = "\u263a"

_IGNORABLE = regex.compile(r"[\p{Default_Ignorable_Code_Point}\p{Cf}]")
_NEVER_SHOWN = regex.compile(r"\p{Default_Ignorable_Code_Point}+")
# Emoji newer than Python's own tables are let in by those of `regex`: no emoji of late has a
# decomposition or a case, so their skeleton cannot change when Python catches up.
_KNOWN_EMOJI = regex.compile(r"[\p{Emoji}&&\P{Cn}]", regex.VERSION1)
_FORBIDDEN_SPACE = regex.compile(r"^\s|\s$|\s\s|[^\S ]")
_MARK_WITHOUT_LETTER = regex.compile(r"(?:^| )\p{M}")
_TOO_MANY_MARKS = regex.compile(rf"\p{{M}}{{{MAX_MARKS_IN_A_ROW + 1}}}")

# Every script of Unicode, by its code of ISO 15924.
_SCRIPT_CODES = """
Adlm Aghb Ahom Arab Armi Armn Avst Bali Bamu Bass Batk Beng Berf Bhks Bopo Brah Brai
Bugi Buhd Cakm Cans Cari Cham Cher Chrs Copt Cpmn Cprt Cyrl Deva Diak Dogr Dsrt Dupl
Egyp Elba Elym Ethi Gara Geor Glag Gong Gonm Goth Gran Grek Gujr Gukh Guru Hang Hani
Hano Hatr Hebr Hira Hluw Hmng Hmnp Hung Ital Java Jurc Kali Kana Kawi Khar Khmr Khoj
Kits Knda Krai Kthi Lana Laoo Latn Lepc Limb Lina Linb Lisu Lyci Lydi Mahj Maka Mand
Mani Marc Medf Mend Merc Mero Miao Mlym Modi Mong Mroo Mtei Mult Mymr Nagm Nand Narb
Nbat Newa Nkoo Nshu Ogam Olck Onao Orkh Orya Osge Osma Ougr Palm Pauc Pcun Perm Phag
Phli Phlp Phnx Prti Rjng Rohg Runr Samr Sarb Saur Seal Sgnw Shaw Shrd Sidd Sidt Sind
Sinh Sogd Sogo Sora Soyo Sund Sunu Sylo Syrc Tagb Takr Tale Talu Taml Tang Tavt Tayo
Telu Tfng Tglg Thaa Thai Tibt Tirh Tnsa Todr Tols Toto Tutg Ugar Vaii Vith Wara Wcho
Xpeo Xsux Yezi Yiii Zanb
"""
# "Highly restrictive" of UTS #39: one script, or Latin with the scripts in which Japanese,
# Chinese or Korean are written. A character of several scripts counts for each of them.
_TOGETHER = ("Latn Hani Hira Kana", "Latn Hani Bopo", "Latn Hani Hang")


def _written_in(scripts: str) -> str:
    members = "".join(rf"\p{{scx={script}}}" for script in scripts.split())
    return rf"[{members}\p{{scx=Zyyy}}\p{{scx=Zinh}}]*+"


_SCRIPTS_THAT_MIX = regex.compile("|".join(map(_written_in, (*_TOGETHER, *_SCRIPT_CODES.split()))))


def check_username(name: str) -> str:
    """Return ``name`` unchanged if an account may have it.

    Names may be in any script, with inner single spaces, and of emoji. Stricter than a
    reader may expect: joiners outside emoji are refused although some scripts (Persian,
    Sinhala) write with them, and so is a sign whose compatibility form is of another
    script than the rest ("№" beside Cyrillic).

    Raises:
        InvalidInput: at ``/username``; ``rule`` is one of ``length``, ``unassigned``,
            ``control``, ``normalization``, ``invisible``, ``reserved``, ``space``,
            ``mark``, ``dots`` and ``mixed-scripts``.
    """
    if not 1 <= len(name) <= MAX_NAME_CODE_POINTS:
        raise _refused("length", f"a username has 1 to {MAX_NAME_CODE_POINTS} Unicode code points")
    _check_characters(name)
    if not unicodedata.is_normalized("NFC", name):
        raise _refused("normalization", "a username is in Unicode normalization form C")

    key = skeleton(name)
    without_sequences = _EMOJI_SEQUENCE.sub(_PICTURE, name)
    if _IGNORABLE.search(without_sequences) or not _BLANK.isdisjoint(name):
        raise _refused(
            "invisible",
            "a username has no invisible or formatting characters outside emoji sequences",
        )
    # The skeleton too: a full-width slash is a slash to whoever normalises it later.
    if not RESERVED.isdisjoint(name + key):
        raise _refused(
            "reserved",
            "a username has none of / \\ ? # %, nor a character that stands for one of them",
        )
    if _FORBIDDEN_SPACE.search(name):
        raise _refused(
            "space",
            "the only space in a username is U+0020, single and neither first nor last",
        )
    if _MARK_WITHOUT_LETTER.search(name) or _TOO_MANY_MARKS.search(without_sequences):
        raise _refused(
            "mark",
            "combining marks in a username follow a character, "
            f"at most {MAX_MARKS_IN_A_ROW} in a row",
        )
    if set(key) <= {"."}:
        raise _refused("dots", "a username is more than dots")
    if not (_SCRIPTS_THAT_MIX.fullmatch(name) and _SCRIPTS_THAT_MIX.fullmatch(key)):
        raise _refused(
            "mixed-scripts",
            "a username is in one script, or in Latin with Japanese, Chinese or Korean",
        )
    return name


def skeleton(name: str) -> str:
    """Return the key by which names are told apart: equal keys are one name.

    Compatibility forms (NFKC), case and every default-ignorable code point are dropped, to
    a fixed point, so the skeleton of a skeleton is itself. The joiners, variation selectors
    and tags of emoji go as well: a sequence shows as its parts where a font lacks it, and
    the two must not be two people. Skin tones and the two letters of a flag stay. Letters
    that merely look alike across scripts stay apart.

    Takes any string, valid as a name or not; up to 18 times as long as ``name``.
    """
    if name.isascii():
        # Nothing of ASCII is composed, hidden or a compatibility form.
        return name.lower()
    key = name
    while True:
        folded = unicodedata.normalize("NFD", key).casefold()
        folded = _NEVER_SHOWN.sub("", unicodedata.normalize("NFKC", folded))
        folded = unicodedata.normalize("NFKC", folded)
        if folded == key:
            return key
        key = folded


def _check_characters(name: str) -> None:
    for character in name:
        category = unicodedata.category(character)
        if category in ("Co", "Cs") or (category == "Cn" and not _KNOWN_EMOJI.match(character)):
            raise _refused("unassigned", "a username has assigned, public Unicode characters only")
        if category in ("Cc", "Zl", "Zp"):
            raise _refused("control", "a username has no control characters or line breaks")


def _refused(rule: str, detail: str) -> InvalidInput:
    return InvalidInput("/username", rule, detail)
