"""Chinese for the commands about keys, cases and a bank's files. The key is the English text."""

from __future__ import annotations

CASES: dict[str, str] = {
    # headings
    "Rotate": "轮换",
    "Numbers": "号码",
    "Number": "号码",
    "Called": "可拨",
    "Best hour": "最佳时段",
    "Collector": "催收员",
    "Allocation": "分案",
    "Recall": "回收",
    "Reasons": "原因",
    "empty": "空号",
    "wrong": "错号",
    "untried": "未拨",
    "good": "有效",
    "quiet": "无人接",
    # cases
    "Show the whole file of a case.": "查看案件完整档案。",
    "Show the numbers of a case, and why some are not called any more.": "查看案件号码及停拨原因。",
    "Call a number again that was taken off the list.": "恢复已停拨的号码。",
    "Leave a case alone, or end that.": "停催,或解除停催。",
    "Note a complaint; the case is held.": "登记投诉,案件随即停催。",
    "Put a note on the timeline of a case; it is kept closed.": "在案件时间线上添加备注(加密保存)。",
    "Deal cases out to collectors (分案).": "分案。",
    "Take cases back: expired, paid, with a complaint, idle (回收).": "回收案件:到期、已还清、有投诉、超期未跟进。",
    "Do the work of a day by hand: charges, promises, days past due, recall.":
        "手动执行日终处理:计罚息费用、判定承诺、重算逾期天数、回收到期案件。",
    "Case": "案件",
    "A shipped preset, such as cn, instead of the configured ones; may be repeated.":
        "用随附的法规预设(如 cn)代替配置中的预设;可重复。",
    "A word of your own: conduct, amount, identity …": "自定类别:行为、金额、身份等。",
    "Also what nobody worked so long.": "也收回长期未跟进的案件。",
    "Decide and tell, but write nothing.": "只给出决定,不写入。",
    "End the holds of this kind.": "解除此类停催。",
    "For when, such as 2026-12-01.": "承诺日期,如 2026-12-01。",
    "How much; all that is owed if not given.": "承诺金额;缺省为全部欠款。",
    "ISO 4217; that of the case if not given.": "币种(ISO 4217);缺省为案件币种。",
    "ISO time with a zone; until it is ended if not given.": "带时区的 ISO 时间;缺省则直到解除。",
    "In which talk; the case's newest of today if not given.": "所属通话;缺省为该案件今日最近一通。",
    "In words; kept closed.": "文字说明;加密保存。",
    "Of the intervals.": "区间的置信水平。",
    "Personal data in full; that you looked is noted in the case.": "显示完整个人信息;查看会记入案件。",
    "Such as 2026-12-01; today if not given.": "如 2026-12-01;缺省为今天。",
    "Though it is done.": "即使已执行过。",
    "What the arms are compared by.": "比较各组的指标。",
    "What was said; kept closed.": "沟通内容;加密保存。",
    "Who took it, such as the agent's number.": "经办人,如坐席工号。",
    "Why it is left alone.": "停催原因。",
    "YAML: collectors, policy, term.": "YAML:催收员、策略、期限。",
    "Write a day for `pacing replay`.": "导出一天的记录,供 `pacing replay` 重放。",
    "Note what happens to a case.": "登记案件上发生的事。",
    "Note that a debtor promised to pay.": "登记还款承诺。",
    "Compare the arms of a campaign's experiments.": "比较活动中各实验组。",
    # help
    "Import cases, contracts, payments or contacts from CSV or XLSX.":
        "从 CSV 或 XLSX 导入案件、合同、还款或联系方式。",
    "Export cases or attempts as CSV, or one case's whole file as JSON.":
        "导出案件或呼叫记录为 CSV,或将单个案件的完整档案导出为 JSON。",
    "The keys of personal data: status, rotate.": "个人信息密钥:状态、轮换。",
    "Which keys there are, and what each of them closes.": "列出密钥及其加密的数据量。",
    "Close everything with a new data key.": "用新的数据密钥重新加密全部数据。",
    "Make a token for one of a bank's systems.": "为银行系统生成访问令牌。",
    # options
    "What it may; once for each.": "权限,可多次指定。",
    "What the file holds.": "文件内容类型。",
    "The reference of the case, for `case`.": "案件编号(导出 case 时)。",
    "Only close the data keys with the first master key of the file.": "仅用密钥文件中的第一个主密钥重新加密数据密钥。",
}  # fmt: skip
