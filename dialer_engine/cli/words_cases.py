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
