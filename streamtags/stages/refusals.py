"""Sentences in which language models decline in other languages than English, as patterns. Pure.

A sentence declines if it begins with "I cannot" or "As a language model", or if it begins with an apology and says "cannot" soon after.
"""

# ruff: noqa: RUF001 - the letters of other languages are meant
from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["declines"]


class _Words(NamedTuple):
    """How a language apologizes, says "cannot", and begins a sentence that declines without an apology."""

    apology: str
    cannot: str
    alone: str


_LANGUAGES = {
    "Arabic": _Words(r"عذر|آسف|أعتذر|للأسف|نأسف", r"لا (?:أستطيع|يمكنني)|غير قادر", r"لا (?:أستطيع|يمكنني)"),
    "Chinese": _Words(
        r"很?抱歉|很?遗憾|对不起|對不起|不好意思",
        "",
        r"我(?:暂时)?(?:无法|無法|不能|没有办法|没办法|看不到)|作[为為](?:一[个個名款])?(?:AI|人工智[能慧]|[^，,。]{0,6}语言模型)",
    ),
    "Czech": _Words(r"omlouv[áa]m se|bohužel|je mi líto", r"nemohu|nemůžu|nedokážu", r"nemohu\b|nemůžu\b"),
    "Danish": _Words(r"beklager|desværre|jeg er ked af", r"kan[^.]{0,40}ikke", r"jeg kan (?:desværre )?ikke\b"),
    "Dutch": _Words(r"het spijt me|helaas|sorry", r"kan[^.]{0,40}niet", r"ik kan (?:je |u |dit |dat |deze |daar )?(?:helaas )?niet\b"),
    "Finnish": _Words(r"valitettavasti|pahoittelen|anteeksi", r"en (?:voi|pysty)", r"en (?:valitettavasti )?(?:voi|pysty)\b"),
    "French": _Words(
        r"(?:je suis )?(?:vraiment )?d[ée]sol[ée]e?|malheureusement|je regrette",
        r"ne (?:peux|suis|puis)",
        r"je ne (?:peux|puis|suis) pas\b|je suis dans l'incapacit|en tant qu(?:'|e )(?:ia|intelligence|mod[èe]le|assistant)",
    ),
    "German": _Words(
        r"(?:es )?tut mir (?:sehr |wirklich )?leid|leider|entschuldigung|ich bedaure",
        r"kann ich|ich kann|k[öo]nnte ich|darf ich|ist es mir|bin ich nicht",
        r"(?:ich kann|ich darf)\b[^.]{0,60}\bnicht\b|ich bin nicht in der lage|als (?:ki\b|k[üu]nstliche|(?:ein )?sprachmodell)",
    ),
    "Greek": _Words(r"λυπάμαι|δυστυχώς|συγγνώμη", r"δεν μπορώ", r"δεν μπορώ"),
    "Hebrew": _Words(r"(?:אני )?מצטער(?:ת)?|סליחה|לצערי", r"לא יכול|אין באפשרותי", r"אני לא יכול|איני יכול|אין באפשרותי"),
    "Hindi": _Words(r"मुझे (?:खेद|अफ़सोस|अफसोस) है|क्षमा करें|माफ़", r"नहीं", r"मैं[^।]{0,60}(?:असमर्थ|नहीं कर सकत)"),
    "Hungarian": _Words(r"sajnálom|sajnos|elnézést", r"nem (?:tudok|tudom|áll módomban)", r"nem (?:tudok|áll módomban)"),
    "Indonesian": _Words(r"(?:mohon )?maaf", r"tidak (?:dapat|bisa|boleh|mampu)", r"saya tidak (?:dapat|bisa|mampu)\b"),
    "Italian": _Words(
        r"mi (?:di)?spiace|purtroppo|scusa",
        r"non (?:posso|sono in grado|riesco)",
        r"non (?:posso|sono in grado)\b|in quanto (?:ia|intelligenza|modello)",
    ),
    "Japanese": _Words(
        r"(?:大変)?申し訳|すみません|ごめんなさい|恐れ入り|あいにく|残念ながら",
        r"ません|かねます|できない",
        r"(?:お手伝い|お答え|対応)[^。]{0,10}(?:できません|できかねます)|(?:画像|動画|映像)を[^。]{0,12}(?:ことはできません|ことができません)",
    ),
    "Korean": _Words(
        r"죄송|미안하|유감",
        r"",
        r"[^.]{0,20}(?:도와드릴|도울|답변드릴|제공할) 수 없|(?:이미지|사진|영상|동영상|비디오)[을를] (?:볼|확인할|분석할|처리할) 수 없",
    ),
    "Norwegian": _Words(r"beklager|dessverre|jeg er lei", r"kan[^.]{0,40}ikk(?:e|je)", r"jeg kan (?:dessverre )?ikke\b"),
    "Polish": _Words(r"przepraszam|niestety|przykro mi|wybacz", r"nie (?:mog[ęe]|jestem w stanie)", r"nie mog[ęe]\b|nie jestem w stanie"),
    "Portuguese": _Words(
        r"(?:me )?desculpe|sinto muito|lamento|infelizmente",
        r"n[ãa]o (?:posso|consigo)",
        r"n[ãa]o (?:posso|consigo)\b|como (?:uma )?(?:ia\b|intelig[êe]ncia)",
    ),
    "Romanian": _Words(
        r"îmi pare rău|imi pare rau|din păcate|scuze", r"nu pot", r"nu pot (?:s[ăa]|ajuta|vedea|vizualiza|procesa|descrie)\b"
    ),
    "Russian": _Words(
        r"извините|простите|к сожалению|прошу прощения|мне жаль",
        r"не могу|не в состоянии|не имею",
        r"я не могу\b|как (?:языковая модель|ии\b|искусственн)",
    ),
    "Spanish": _Words(
        r"lo (?:siento|lamento)|lamentablemente|desafortunadamente|disculpa",
        r"no (?:puedo|soy capaz|me es posible)",
        r"no puedo\b|no me es posible|como (?:una )?(?:ia\b|inteligencia|modelo de)",
    ),
    "Swedish": _Words(r"(?:jag är )?ledsen|jag är ledsen|tyvärr|förlåt|jag beklagar", r"kan[^.]{0,40}inte", r"jag kan (?:tyvärr )?inte\b"),
    "Thai": _Words(r"ขออภัย|ขอโทษ|เสียใจ", r"ไม่", r"ฉันไม่สามารถ|ผมไม่สามารถ"),
    "Turkish": _Words(
        r"üzgünüm|maalesef|özür dilerim|kusura bakma", r"[ae]m(?:am|em|ıyor|iyor|uyor|üyor)|mümkün değil", r"(?:bu konuda )?yardımcı olamam"
    ),
    "Ukrainian": _Words(r"вибачте|на жаль|перепрошую|пробачте", r"не можу|не маю", r"я не можу\b"),
    "Vietnamese": _Words(r"(?:tôi )?(?:rất )?(?:xin lỗi|tiếc)", r"không thể", r"tôi không thể\b"),
}
_REACH = 60  # characters between an apology and "cannot"
_DECLINES = re.compile(
    "|".join(
        rf"(?:{words.apology})" + (rf".{{0,{_REACH}}}?(?:{words.cannot})" if words.cannot else "") + rf"|{words.alone}"
        for words in _LANGUAGES.values()
    ),
    re.IGNORECASE,
)


def declines(sentence: str) -> bool:
    """Whether a sentence in another language than English declines."""
    return _DECLINES.match(sentence) is not None
