"""Chinese for the commands about strategies. The key is the English text."""

from __future__ import annotations

STRATEGY: dict[str, str] = {
    # headings
    "Attempts by hour": "各时段呼叫数",
    "Cases": "案件",
    "Because": "原因",
    "Comparison": "条件",
    "Conversations": "有效通话",
    "Held by": "受限于",
    "Holds": "成立",
    "How often": "次数",
    "Channel": "渠道",
    "Experiment": "实验",
    "Hour": "时段",
    "In days": "天后",
    "Kept": "已履约",
    "Later": "之后",
    "Not because": "未进入原因",
    "Paid": "已还",
    "Place": "位置",
    "Promises": "承诺",
    "Rule": "规则",
    "Script": "话术",
    "Segment": "分群",
    "Step": "步骤",
    "Strength": "强度",
    "This step": "当前步骤",
    "When": "何时",
    # words
    "error": "错误",
    "warning": "警告",
    # help
    "Strategies: check, explain, simulate, and the schema for editors.": "催收策略:检查、解释、模拟、编辑器用 schema。",
    "Check a strategy, a retry table or a script file.": "检查策略、重呼表或话术文件。",
    "Which segment and step a case is in, why, and when next.": "案件处于哪个分群与步骤、原因及下次时间。",
    "A month over a case book on a virtual clock.": "在虚拟时钟上对案件库模拟一个月。",
    "JSON Schema of strategy or script files, for editors.": "策略或话术文件的 JSON Schema(供编辑器使用)。",
    # options
    "Folder of scripts; `scripts` beside FILE, else the shipped ones.": "话术目录;默认文件旁的 scripts,否则内置。",
    "Facts of the case as JSON or YAML; else the store's.": "案件事实(JSON 或 YAML);缺省取自数据库。",
    "A shipped strategy, or a file.": "内置策略名或文件。",
    "Local time of the debtor, such as 2026-12-01T09:30; now if not given.": "债务人当地时间;默认现在。",
    "Whose hours and caps hold; the first of the strategy if not given.": "按哪个合规预设;默认策略的第一个。",
    "A case book: JSON, one case a line.": "案件库:每行一个 JSON。",
    "Without --book: this many invented cases.": "未给 --book 时:虚构案件数。",
    "How people answer and pay, as YAML or JSON; else assumed.": "应答与还款模型;缺省为假设值。",
    "The same seed gives the same month.": "随机种子,相同则结果相同。",
    "First day, such as 2026-12-01.": "起始日。",
    "How many days.": "天数。",
}
