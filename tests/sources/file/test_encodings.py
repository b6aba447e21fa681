"""Encodings of text that does not name them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamtags.sources.file.encodings import decode_text

LINES = {
    "Arabic": (["مرحبا كيف حالك", "لا أعرف ماذا أقول", "يجب أن نذهب الآن"], ["cp1256"]),
    "Chinese": (["你好，今天天气很好。", "我们必须马上离开这里。", "他说他不知道。"], ["gb18030"]),
    "Czech": (["Dobrý den, jak se máte?", "Nevím, co říct, příteli.", "Musíme už jít, prosím tě."], ["cp1250"]),
    "French": (["Ça va, mon ami ? Où étais-tu ?", "Je n'ai pas été là-bas.", "C'est déjà terminé, hélas."], ["cp1252"]),
    "German": (["Schöne Grüße aus München.", "Ich möchte über die Brücke gehen.", "Das weiß ich nicht, Süße."], ["cp1252"]),
    "Greek": (["Γειά σου, τι κάνεις;", "Δεν ξέρω τι να πω.", "Πρέπει να φύγουμε τώρα."], ["cp1253"]),
    "Hebrew": (["שלום, מה שלומך?", "אני לא יודע מה להגיד.", "אנחנו חייבים ללכת."], ["cp1255"]),
    "Japanese": (["こんにちは、元気ですか。", "今日は良い天気ですね。", "私は学生です。"], ["cp932"]),
    "Korean": (["안녕하세요, 잘 지내세요?", "오늘 날씨가 좋네요.", "저는 학생입니다."], ["cp949"]),
    "Polish": (["Dzień dobry, jak się masz?", "Nie wiem, co powiedzieć, żółw.", "Musimy już iść, proszę."], ["cp1250"]),
    "Russian": (["Привет, как дела?", "Я не знаю, что сказать.", "Мы должны идти сейчас."], ["cp1251", "koi8_r"]),
    "Spanish": (["¿Cómo estás, señor?", "No sé qué decir, mañana.", "Está allí."], ["cp1252"]),
    "Turkish": (["Günaydın, nasılsınız?", "Ne diyeceğimi bilmiyorum, şimdi.", "Gitmemiz gerekiyor, çabuk ışık."], ["cp1254"]),
}
UNICODE = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]
CASES = [(language, encoding) for language, (_, own) in LINES.items() for encoding in [*own, *UNICODE]]


def subtitles(language: str, times: int = 4) -> str:
    lines = LINES[language][0] * times
    return "\n".join(f"{n + 1}\n00:00:{n:02d},000 --> 00:00:{n:02d},900\n{line}\n" for n, line in enumerate(lines))


@pytest.mark.parametrize(("language", "encoding"), CASES)
def test_the_encoding_is_recognized(language: str, encoding: str) -> None:
    assert decode_text(subtitles(language).encode(encoding)) == subtitles(language)


@pytest.mark.parametrize("language", sorted(LINES))
@pytest.mark.parametrize("bad", [b"\xff", b"\xc3", b"\x98\xfe"])
def test_a_bad_byte_costs_one_character(language: str, bad: bytes) -> None:
    text = subtitles(language, 1)
    data = text.encode()
    at = len(text[: len(text) // 2].encode())
    decoded = decode_text(data[:at] + bad + data[at:])
    assert decoded.replace("\ufffd", "") == text
    assert decoded.count("\ufffd") <= len(bad)


@given(st.binary(max_size=300))
def test_any_bytes_are_text(data: bytes) -> None:
    assert isinstance(decode_text(data), str)
