"""Forms of words: English inflection by rule, Chinese measure words and pronouns."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .words import Word

PRONOUNS = {  # gender: he, him, his, hers, himself
    "m": ("he", "him", "his", "his", "himself"),
    "f": ("she", "her", "her", "hers", "herself"),
    "n": ("it", "it", "its", "its", "itself"),
}
PRONOUN_FORMS = ("he", "him", "his", "hers", "himself")
CHINESE_PRONOUN = {"m": "他", "f": "她", "n": "它"}
CHINESE_ENDING = {"he": "", "him": "", "his": "的", "hers": "的", "himself": "自己"}
# Base, past and past participle of verbs that do not take -ed; a word's own forms come first.
IRREGULAR = {
    verb.split()[0]: verb.split()[1:]
    for verb in """
    be was been | become became become | begin began begun | bend bent bent | bite bit bitten |
    blow blew blown | break broke broken | bring brought brought | build built built |
    buy bought bought | catch caught caught | choose chose chosen | come came come |
    cost cost cost | cut cut cut | dig dug dug | do did done | draw drew drawn |
    drink drank drunk | drive drove driven | eat ate eaten | fall fell fallen | feed fed fed |
    feel felt felt | fight fought fought | find found found | fly flew flown |
    forget forgot forgotten | forgive forgave forgiven | freeze froze frozen | get got got |
    give gave given | go went gone | grow grew grown | hang hung hung | have had had |
    hear heard heard | hide hid hidden | hit hit hit | hold held held | hurt hurt hurt |
    keep kept kept | know knew known | lay laid laid | lead led led | leave left left |
    lend lent lent | let let let | lie lay lain | light lit lit | lose lost lost | make made made |
    mean meant meant | meet met met | pay paid paid | put put put | read read read |
    ride rode ridden | ring rang rung | rise rose risen | run ran run | say said said |
    see saw seen | sell sold sold | send sent sent | set set set | shake shook shaken |
    shine shone shone | show showed shown | shut shut shut | sing sang sung | sit sat sat |
    sleep slept slept | speak spoke spoken | spend spent spent | spin spun spun |
    spread spread spread | stand stood stood | steal stole stolen | stick stuck stuck |
    sweep swept swept | swim swam swum | take took taken | teach taught taught | tell told told |
    think thought thought | throw threw thrown | understand understood understood |
    wake woke woken | wear wore worn | win won won | write wrote written
    """.split("|")
}
PLURALS = dict(
    noun.split()
    for noun in """
    man men | woman women | child children | person people | foot feet | tooth teeth | mouse mice |
    goose geese | sheep sheep | deer deer | fish fish | leaf leaves | knife knives | wolf wolves |
    shelf shelves | loaf loaves | half halves | wife wives | thief thieves | potato potatoes |
    tomato tomatoes | hero heroes | volcano volcanoes | echo echoes
    """.split("|")
)
COMPARED = {
    "good": ("better", "best"), "bad": ("worse", "worst"), "far": ("farther", "farthest"),
    "little": ("less", "least"), "many": ("more", "most"),
}  # fmt: skip
# Words that begin with another sound than their letter: "an MRI", "an hour", "a university".
LETTER_NAME = re.compile(r"[FHLMNRSX](?=[A-Z\d-])")
SILENT_H = re.compile(r"(?i)hour|honest|hono|heir")
CONSONANT_U = re.compile(r"U(?=[A-Z-])|(?i:uni(?!n|m)|us[aeiu]|u[rt][aei]|uk|eu|one\b|once\b)")
DOUBLING = {"begin", "forget", "forbid", "admit", "refer", "prefer", "regret", "control"}


def english(word: Word, form: str = "") -> str:
    """The form of a word in English: its own, if its entry gives one, else by rule.

    Raises:
        KeyError: there is no such form.
    """
    own = word.fields.get(form)
    if isinstance(own, str):
        return own
    if form == "participle" and isinstance(word.fields.get("past"), str):
        return word.fields["past"]
    if form in PRONOUN_FORMS:
        return PRONOUNS[word.gender][PRONOUN_FORMS.index(form)]
    if form in ("a", "plural") and word.uncountable:
        return word.en
    if form not in ENGLISH:
        raise KeyError(f"{word.zh}/{word.en} has no English form {form!r}")
    return ENGLISH[form](word.en)


def chinese(word: Word, form: str = "") -> str:
    """The form of a word in Chinese.

    Raises:
        KeyError: there is no such form.
    """
    own = word.fields.get(form)
    if form == "measure":
        return own if isinstance(own, str) else "个"
    if isinstance(own, str):
        return own
    if form in CHINESE_ENDING:
        return CHINESE_PRONOUN[word.gender] + CHINESE_ENDING[form]
    if form in ("one", "this"):
        return ("一" if form == "one" else "这") + chinese(word, "measure") + word.zh
    if form:
        raise KeyError(f"{word.zh}/{word.en} has no Chinese form {form!r}")
    return word.zh


def indefinite(noun: str) -> str:
    """a or an, and the noun, by the sound it begins with."""
    if LETTER_NAME.match(noun) or SILENT_H.match(noun):
        return f"an {noun}"
    if CONSONANT_U.match(noun) or not re.match("[aeiou]", noun, re.I):
        return f"a {noun}"
    return f"an {noun}"


def plural(noun: str) -> str:
    """Of several words the last is inflected, or the one before "of"."""
    head, of, rest = noun.partition(" of ")
    before, last = _split_last(head)
    if last in PLURALS:
        last = PLURALS[last]
    elif last.endswith(("man", "woman")) and last not in ("human", "German"):
        last = last[:-2] + "en"
    else:
        last = _with_s(last)
    return before + last + of + rest


def third(verb: str) -> str:
    first, rest = _split_first(verb)
    return {"be": "is", "have": "has", "do": "does", "go": "goes"}.get(first, _with_s(first)) + rest


def past(verb: str) -> str:
    first, rest = _split_first(verb)
    return (IRREGULAR[first][0] if first in IRREGULAR else _with_ed(first)) + rest


def participle(verb: str) -> str:
    first, rest = _split_first(verb)
    return (IRREGULAR[first][1] if first in IRREGULAR else _with_ed(first)) + rest


def ing(verb: str) -> str:
    first, rest = _split_first(verb)
    if first.endswith("ie"):
        first = first[:-2] + "y"
    elif re.search(r"[^eoy]e$", first) and first != "be":
        first = first[:-1]
    elif _doubles(first):
        first += first[-1]
    return first + "ing" + rest


def comparative(adjective: str) -> str:
    return _compared(adjective, 0, "er", "more ")


def superlative(adjective: str) -> str:
    return _compared(adjective, 1, "est", "most ")


def possessive(noun: str) -> str:
    return noun + "'s"


def _compared(adjective: str, which: int, ending: str, adverb: str) -> str:
    if adjective in COMPARED:
        return COMPARED[adjective][which]
    if re.search(r"[^aeiou]y$", adjective) and _syllables(adjective) <= 2:
        return adjective[:-1] + "i" + ending
    if _syllables(adjective) == 2 and re.search(r"[^aeiou]le$", adjective):
        return adjective + ending[1:]
    if _syllables(adjective) > 1 or " " in adjective:
        return adverb + adjective
    if adjective.endswith("e"):
        return adjective + ending[1:]
    return adjective + (adjective[-1] if _doubles(adjective) else "") + ending


def _with_s(word: str) -> str:
    if re.search(r"[^aeiou]y$", word):
        return word[:-1] + "ies"
    return word + ("es" if re.search(r"(s|x|z|ch|sh)$", word) else "s")


def _with_ed(verb: str) -> str:
    if verb.endswith("e"):
        return verb + "d"
    if re.search(r"[^aeiou]y$", verb):
        return verb[:-1] + "ied"
    return verb + (verb[-1] if _doubles(verb) else "") + "ed"


def _doubles(word: str) -> bool:
    """Whether the last consonant is doubled: one stressed syllable that ends like "stop"."""
    closed = re.search(r"(^|[^aeiou]|qu)[aeiou][^aeiouwxy]$", word)
    return bool(closed) and (_syllables(word) == 1 or word in DOUBLING)


def _syllables(word: str) -> int:
    return len(re.findall(r"[aeiouy]+", re.sub(r"(?<=[a-z])(?<!l)e$|(?<=[aeiou]l)e$", "", word)))


def _split_first(words: str) -> tuple[str, str]:
    first, space, rest = words.partition(" ")
    return first, space + rest


def _split_last(words: str) -> tuple[str, str]:
    before, space, last = words.rpartition(" ")
    return before + space, last


ENGLISH = {
    "": str, "a": indefinite, "the": "the {}".format, "plural": plural, "third": third,
    "past": past, "ing": ing, "participle": participle, "possessive": possessive,
    "comparative": comparative, "superlative": superlative,
}  # fmt: skip
