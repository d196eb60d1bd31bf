"""Chinese for the commands that simulate and replay pacing. The key is the English text."""

from __future__ import annotations

PACING_SIMULATE: dict[str, str] = {
    # headings
    "Abandoned share": "呼损率",
    "Agent idle before a talk": "坐席通话前空闲",
    "Agents needed": "所需坐席",
    "Busy lines": "占用线路峰值",
    "Calls beyond the record": "超出记录的呼叫",
    "Channels": "线路",
    "Channels needed": "所需线路",
    "Conversations a day": "每日有效通话",
    "Days": "天",
    "Days over target": "超标天数占比",
    "Policy": "外呼方式",
    "Recorded": "实际记录",
    "Replayed": "重放",
    "Simulated": "模拟结果",
    "World": "模拟环境",
    "Worst day": "最差一日",
    # words
    "given": "指定",
    "learned": "已学习",
    "default": "默认",
    "campaign": "活动设置",
    # help
    "Days like these under a policy: utilization, abandonment, waits.": "模拟若干工作日:利用率、呼损率、等待。",
    "A recorded day, under other settings or another policy.": "用其他设置或外呼方式重放已记录的一天。",
    "Write a day for `pacing replay`. No personal data.": "导出一天的记录供重放(不含个人信息)。",
    # options
    "Agents; those at work now, or 10.": "坐席数;默认当前在岗人数,否则 10。",
    "Share of calls that a person answers.": "人工接听比例。",
    "Mean talk in seconds.": "平均通话秒数。",
    "Mean wrap-up in seconds.": "平均话后秒数。",
    "Mean seconds of ringing before a person answers.": "人工接听前平均振铃秒数。",
    "Hours of a day.": "每日小时数。",
    "Calls at once, at most.": "同时呼叫上限。",
    "Share of live answers that may be abandoned: 0.03 is 3 %.": "允许的呼损率:0.03 即 3 %。",
    "Lines for each free agent, for the policy ratio.": "固定比例:每个空闲坐席的线路数。",
    "Also: predictive, progressive, ratio. May be repeated.": "外呼方式,可重复给出。",
    "What was learned: a file of `pacing export`.": "已学习数据:pacing export 的文件。",
    "How many days are simulated.": "模拟天数。",
    "How many draws.": "随机次数。",
    "Work out how many are needed.": "求解所需数量。",
    "Conversations a day, for --solve agents.": "每日有效通话目标(--solve agents)。",
    "Local day of the site, such as 2026-11-20.": "本地日期,如 2026-11-20。",
}
