"""Rules of conduct: what they find, and that nothing that ships needs finding."""

from __future__ import annotations

import pytest

from dialer_engine.strategy.conduct import review, review_library
from dialer_engine.strategy.conduct_words import RULES
from dialer_engine.strategy.nodes import Node, node_of
from dialer_engine.strategy.scripts import LANGUAGES, Claim, Scene, read_scripts
from tests.strategy.shipped import library

BAD = [
    ("zh", "threat", "再不还钱就让警察上门抓你"),
    ("zh", "threat", "后果自负"),
    ("zh", "exposure", "我们会联系你的单位和同事"),
    ("zh", "exposure", "把你曝光"),
    ("zh", "seizure", "我们会冻结您的账户"),
    ("zh", "authority", "我是法院的工作人员"),
    ("zh", "authority", "律师函已经发出"),
    ("zh", "false-deadline", "这是最后通牒"),
    ("zh", "false-promise", "还了就没事，征信马上恢复"),
    ("zh", "insult", "你就是个无赖"),
    ("zh", "insult", "恶意拖欠"),
    ("zh", "pressure", "找亲戚借钱还"),
    ("zh", "pressure", "我们会每天打"),
    ("zh", "claim", "将通过诉讼解决"),
    ("zh", "claim", "影响您的征信"),
    ("zh", "claim", "将会停机"),
    ("en", "threat", "You could be arrested for this."),
    ("en", "threat", "Pay, or else."),
    ("en", "exposure", "We will tell your employer."),
    ("en", "seizure", "We will garnish your wages."),
    ("en", "authority", "This is the court calling."),
    ("en", "authority", "I am calling from the legal department."),
    ("en", "false-deadline", "This is your final notice."),
    ("en", "false-promise", "We guarantee that it stops."),
    ("en", "insult", "You should be ashamed."),
    ("en", "pressure", "Borrow from a friend."),
    ("en", "pressure", "We keep calling until then."),
    ("en", "claim", "We may sue."),
    ("en", "claim", "It shows in your credit report."),
    ("en", "claim", "Your service may be limited."),
]


@pytest.mark.parametrize(("language", "kind", "text"), BAD)
def test_what_a_script_may_not_say(language: str, kind: str, text: str) -> None:
    assert kind in {remark.kind for remark in review(text, language)}


def test_every_kind_in_every_language_is_found_by_an_example() -> None:
    told = {(language, kind) for language, kind, _ in BAD}
    kinds = {(rule.language, rule.kind) for rule in RULES if not rule.unverified}
    assert kinds == told


@pytest.mark.parametrize(
    ("claim", "texts"),
    [
        (Claim.LEGAL, ("可能提起诉讼", "may go to court")),
        (Claim.CREDIT_REPORT, ("如实报送征信", "reports to the credit register")),
        (Claim.SERVICE, ("可能暂停服务", "the service may be limited")),
    ],
)
def test_what_is_lawful_where_it_is_true_has_to_be_declared(
    claim: Claim, texts: tuple[str, str]
) -> None:
    for language, text in zip(LANGUAGES, texts, strict=True):
        assert list(review(text, language))
        assert not list(review(text, language, [claim]))


@pytest.mark.parametrize(("language", "text"), [("zh", "您的贷款逾期了"), ("en", "your debt")])
def test_a_debt_is_told_only_to_who_is_known(language: str, text: str) -> None:
    assert not list(review(text, language))
    assert [r.kind for r in review(text, language, unverified=True)][:1] == ["disclosure"]


def test_names_of_variables_are_no_words() -> None:
    assert not list(review("$court ${debt}", "en", unverified=True))


def test_a_word_within_a_word_is_none() -> None:
    assert not list(review("the issue pursued, courteous", "en"))


def test_a_warning_has_the_place_of_the_word() -> None:
    text = {"zh": "您好\n最后通牒", "en": "Hello"}
    row = {"id": "x", "scenes": {"main": [text]}}
    found, problems = read_scripts("x.yaml", node_of({"version": 1, "scripts": [row]}))
    assert not problems
    wording = found.scripts["x"].scenes[Scene.MAIN][0]
    assert isinstance(wording.nodes["zh"], Node)
    [(file, warning)] = review_library(found)
    assert file == "x.yaml"
    assert warning.is_warning
    assert "最后通牒" in warning.text


def test_nothing_that_ships_is_to_be_remarked_on() -> None:
    assert [f"{file}: {found}" for file, found in review_library(library())] == []
