"""Chinese for the commands about keys, cases and a bank's files. The key is the English text."""

from __future__ import annotations

CASES: dict[str, str] = {
    # headings
    "Rotate": "轮换",
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
