"""Encodings of text that does not name them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamtags.sources.file.encodings import decode_text

LINES = {
    "Arabic": (["مرحبا كيف حالك", "لا أعرف ماذا أقول", "يجب أن نذهب الآن"], ["cp1256"]),
    "Chinese": (["你好，今天天气很好。", "我们必须马上离开这里。", "他说他不知道。"], ["gb18030"]),
    "Czech": (["Dobrý den, jak se máte?", "Nevím, co říct, příteli.", "Musíme už jít, prosím tě."], ["cp1250", "cp852"]),
    "French": (["Ça va, mon ami ? Où étais-tu ?", "Je n'ai pas été là-bas.", "C'est déjà terminé, hélas."], ["cp1252", "mac_roman"]),
    "German": (["Schöne Grüße aus München.", "Ich möchte über die Brücke gehen.", "Das weiß ich nicht, Süße."], ["cp1252", "cp850"]),
    "Greek": (["Γειά σου, τι κάνεις;", "Δεν ξέρω τι να πω.", "Πρέπει να φύγουμε τώρα."], ["cp1253", "cp737"]),
    "Hebrew": (["שלום, מה שלומך?", "אני לא יודע מה להגיד.", "אנחנו חייבים ללכת."], ["cp1255", "cp862"]),
    "Japanese": (["こんにちは、元気ですか。", "今日は良い天気ですね。", "私は学生です。"], ["cp932", "euc_jp", "iso2022_jp"]),
    "Korean": (["안녕하세요, 잘 지내세요?", "오늘 날씨가 좋네요.", "저는 학생입니다."], ["cp949"]),
    "Polish": (
        ["Dzień dobry, jak się masz?", "Nie wiem, co powiedzieć, żółw.", "Musimy już iść, proszę."],
        ["cp1250", "iso8859_2", "cp852", "mac_latin2"],
    ),
    "Russian": (["Привет, как дела?", "Я не знаю, что сказать.", "Мы должны идти сейчас."], ["cp1251", "koi8_r", "cp866", "iso8859_5"]),
    "Spanish": (["¿Cómo estás, señor?", "No sé qué decir, mañana.", "Está allí."], ["cp1252", "cp850"]),
    "Hungarian": (["Szia, hogy vagy? Jó napot!", "Nem tudom, mit mondjak, őszintén.", "Mennünk kell, gyűlölöm."], ["cp1250", "iso8859_2"]),
    "Portuguese": (["Olá, não sei. Você está bem?", "Não sei o que dizer, irmão.", "Vão já, nações, põe aqui."], ["cp1252"]),
    "Swedish": (["Hej, hur mår du? Förlåt.", "Jag vet inte vad jag ska säga.", "Vi måste gå nu, älskling."], ["cp1252"]),
    "Thai": (["สวัสดีครับ สบายดีไหม", "ฉันไม่รู้จะพูดอะไร", "เราต้องไปแล้ว"], ["cp874"]),
    "Traditional Chinese": (["你好，今天天氣很好。", "我們必須馬上離開這裡。", "他說他不知道。"], ["big5"]),
    "Turkish": (["Günaydın, nasılsınız?", "Ne diyeceğimi bilmiyorum, şimdi.", "Gitmemiz gerekiyor, çabuk ışık."], ["cp1254", "cp857"]),
    "Bulgarian": (["Къде беше снощи?", "Не разбирам защо го правиш.", "Трябва да тръгваме."], ["cp1251", "mac_cyrillic"]),
    "Croatian": (["Gdje si bio sinoć?", "Možeš li mi reći gdje je?", "Čekaj me ispred kuće."], ["cp1250", "iso8859_2", "cp852"]),
    "Danish": (
        ["Hvor er du på vej hen så sent?", "Pigen løb over broen og græd.", "Kan du lukke døren?"],
        ["cp1252", "cp865", "mac_roman"],
    ),
    "Estonian": (["Kus sa eile õhtul olid?", "Räägi tasem, öö on käes.", "Mis seal väljas toimub?"], ["cp1257", "iso8859_15"]),
    "Icelandic": (["Hvað ertu að gera hérna úti?", "Það er of seint að snúa við.", "Góða nótt."], ["cp1252", "cp861", "mac_iceland"]),
    "Italian": (
        ["Perché non sei venuto più presto?", "È già tardi, devo andare.", "La città era vuota."],
        ["cp1252", "cp850", "mac_roman"],
    ),
    "Latvian": (["Kur tu biji vakar vakarā?", "Aizver durvis, lūdzu!", "Šeit neviens nedzīvo."], ["cp1257", "iso8859_4", "cp775"]),
    "Lithuanian": (
        ["Kur tu buvai vakar? Turime išeiti.", "Ačiū, aš jau pavalgiau.", "Uždaryk duris, prašau, į miestą."],
        ["cp1257", "cp775"],
    ),
    "Norwegian": (["Hva gjør du her på denne tiden?", "Vær så snill, hør på meg!", "Du må ikke røre den."], ["cp1252", "cp850"]),
    "Romanian": (["Nu înţeleg de ce faci asta.", "Mâine dimineaţă mergem la piaţă.", "Închide uşa, te rog."], ["cp1250", "cp852"]),
    "Serbian": (["Где си био синоћ?", "Морамо да кренемо пре него што дође.", "Дођи брже, ђаче."], ["cp1251", "iso8859_5", "cp855"]),
    "Ukrainian": (["Привіт, як справи?", "Я не знаю, що сказати.", "Ми повинні йти, їжаку."], ["cp1251", "koi8_u"]),
}
UNICODE = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"]
OFTEN = ("Chinese", "French", "Russian")  # languages that are tried in every form of Unicode
CASES = [
    (language, encoding) for language, (_, own) in LINES.items() for encoding in [*own, *(UNICODE if language in OFTEN else ["utf-8"])]
]


def subtitles(language: str, times: int = 4) -> str:
    lines = LINES[language][0] * times
    return "\n".join(f"{n + 1}\n00:00:{n:02d},000 --> 00:00:{n:02d},900\n{line}\n" for n, line in enumerate(lines))


@pytest.mark.parametrize(("language", "encoding"), CASES)
def test_the_encoding_is_recognized(language: str, encoding: str) -> None:
    assert decode_text(subtitles(language).encode(encoding)) == subtitles(language)


@pytest.mark.parametrize("language", sorted(LINES))
@pytest.mark.parametrize("bad", [b"\xff", b"\xc3", b"\x98\xfe"])
def test_a_bad_byte_costs_one_character(language: str, bad: bytes) -> None:
    text = subtitles(language, 2)
    data = text.encode()
    at = len(text[: len(text) // 2].encode())
    decoded = decode_text(data[:at] + bad + data[at:])
    assert decoded.replace("\ufffd", "") == text
    assert decoded.count("\ufffd") <= len(bad)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("language", ["French", "Chinese"])
def test_a_byte_too_many_or_too_few_in_utf_16_costs_one_line(language: str, encoding: str) -> None:
    text = subtitles(language)
    data = text.encode(encoding)
    line = len(text[: text.index(LINES[language][0][0])].encode(encoding))
    for at in (line + 4, line + 5):
        for damaged in (data[:at] + data[at + 1 :], data[:at] + b"\xff" + data[at:]):
            lines = zip(decode_text(damaged).split("\n"), text.split("\n"), strict=True)
            assert sum(one != whole for one, whole in lines) == 1
    assert decode_text(data[:-1]).rstrip("\ufffd") == text[:-1]


def test_an_encoding_that_is_stated_is_used_unless_the_file_has_a_mark() -> None:
    text = subtitles("Latvian", 1)
    assert decode_text(text.encode("cp775"), "cp775") == text
    assert decode_text(text.encode("utf-8-sig"), "cp775") == text


def test_the_language_in_the_name_decides_between_code_pages_that_fit_alike() -> None:
    data = "1\n00:00:01,000 --> 00:00:02,000\nViņš\n".encode("cp1257")
    assert "Viņš" in decode_text(data, language="lv")


@given(st.binary(max_size=300))
def test_any_bytes_are_text(data: bytes) -> None:
    assert isinstance(decode_text(data), str)
