"""What an operator reads of a decision."""

from __future__ import annotations

from dialer_engine.pacing.words import tell

SEEN = {
    "staffed": 12.0, "idle": 2.0, "talking": 8.0, "wrapping": 2.0, "ringing": 9.0, "waiting": 0.0, "away": 1.0,
    "live": 140.0, "abandoned": 3.0,
}  # fmt: skip


def test_a_whole_sentence_in_both_languages() -> None:
    told = tell("", 4, 3, 0, SEEN | {"price": 0.05, "loss": 0.041}, 0.03)
    assert told.en == (
        "12 agents at work (1 more on a break): 2 idle, 8 talking, 2 wrapping up; 9 calls ringing, 0 waiting for an"
        " agent. Abandoned in this period: 3 of 140 live answers (2.1%, at most 3.0%). 3 new calls of 4 wanted: of"
        " the answers to one more call 4.1% would find no agent; up to 4.8% are worth it now."
    )
    assert told.zh == (
        "在岗坐席12名(另有1名小休):空闲2,通话8,话后2;振铃9路,等待坐席0路。本期人工接听140次,呼损3次(2.1%,上限3.0%)。"
        "新呼3路(应呼4路):再呼一路,接听时无坐席的概率为4.1%;目前可接受的上限为4.8%。"
    )


def test_reasons_that_are_known_are_translated() -> None:
    for why, chinese in (
        ("no agent is available", "没有空闲坐席"),
        ("2 lines for each available agent, of whom there are 5", "每名空闲坐席2路,空闲坐席5名"),
        ("10 wanted, the trunks have room for 3", "需要10路,中继只余3路"),
        ("just started: 2.5 lines for each agent so far", "刚刚启动:目前每名坐席最多2.5路"),
        ("no case is due; the last one: outside", "没有到期的案件; the last one: outside"),
    ):
        told = tell(why, 0, 0, 0, {}, 0.03)
        assert told.en == f"No new calls: {why}."
        assert told.zh == f"不发起新呼叫:{chinese}。"


def test_one_is_one_and_what_is_not_known_stays_english() -> None:
    told = tell("a new reason", 1, 1, 1, {"staffed": 1.0, "idle": 0.0, "ringing": 1.0}, 0.03)
    assert told.en.startswith("1 agent at work: 0 idle, 0 talking, 0 wrapping up; 1 call ringing")
    assert told.en.endswith("1 ringing call cancelled, 1 new call: a new reason.")
    assert told.zh.endswith("取消振铃1路,新呼1路:a new reason。")
