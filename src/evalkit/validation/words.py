"""What the page of the calibration study says, in both languages."""

from __future__ import annotations

from evalkit.formats import Language

_WORDS: dict[str, tuple[str, str]] = {
    "title": ("Do the methods keep their promises?", "方法是否兑现承诺？"),
    "lead": (
        "Banks with known truth are simulated and evaluated by the very code that evaluates real ones: {replicates} banks "
        "of each kind with the truth exactly on the target, and as many with the truth beyond it.",
        "模拟真相已知的银行，并用评价真实数据的同一套程序评价：每种情形各{replicates}家，真值恰好等于目标；另有同样数量，真值优于目标。",
    ),
    "none": ("No figure misses its bound.", "所有数值均在界限之内。"),
    "some": ("{count} of {all} bounded figures miss their bound:", "{all}项有界限的数值中，{count}项未达到界限："),
    "miss": ("MISS", "未达到"),
    "ok": ("ok", "达到"),
    "unbounded": ("measured", "仅测量"),
    "bound": ("bound {bound}", "界限{bound}"),
    "scenario": ("Bank", "银行"),
    "coverage": ("Coverage of the 95 % interval", "95%区间覆盖率"),
    "false_achieved": ("False “achieved”", "误判为“达成”"),
    "false_not_achieved": ("False “not achieved”", "误判为“未达成”"),
    "power": ("Power", "检验效能"),
    "placebo": ("Placebo in time fires", "时间安慰剂报警"),
    "promised": ("promised {promise}", "承诺{promise}"),
    "verdict": ("Verdict", "结论"),
    "shipped": ("The shipped study's own sizes", "随附研究的数据规模"),
    "clusters": ("Few and unequal branches", "网点少且规模悬殊"),
    "records": ("Skewed durations without branches", "偏态时长（不分网点）"),
    "rates": ("Incidents: small and overdispersed counts", "安全事件：计数小或过度离散"),
    "business": ("Weighted surveys, changed mix, season", "加权问卷、业务结构变化、季节"),
    "months": ("Months that move together", "月度共同冲击"),
    "looks": ("Everything to date, over all looks", "累计评价（全部查看次数）"),
    "family": ("the shipped study's four goals together, Holm", "随附研究的四个目标合计（Holm法）"),
    "shortcuts": (
        "The usual shortcuts on the same banks: false “achieved” (promised: at most 2.5 %)",
        "同一批银行上的常见简化做法：误判为“达成”（承诺：不超过2.5%）",
    ),
    "evalkit": ("evalkit", "evalkit"),
    "point": ("estimate against target", "点估计与目标比较"),
    "divided": ("absolute interval ÷ baseline mean", "绝对区间÷基期均值"),
    "ignored": ("branches ignored", "忽略网点"),
    "dispersion": ("overdispersion ignored", "忽略过度离散"),
    "ols": ("least squares on months, independent errors", "月度最小二乘，独立误差"),
    "unadjusted": ("the four goals without adjustment: {rate}", "四个目标不作多重性校正：{rate}"),
    "notes": ("How to read this", "阅读说明"),
    "note_error": (
        "All figures are percentages of replicates, ± their Monte-Carlo standard error. A figure misses when its 99 % "
        "Wilson interval lies wholly outside the bound given under it; “measured” stands where only the rate is asked for.",
        "所有数值均为模拟次数的百分比，±其蒙特卡洛标准误。若99% Wilson区间完全落在其下所列界限之外，则为“未达到”；"
        "“仅测量”表示该处只要求报告比率。",
    ),
    "note_truth": (
        "Every bank has branches, programme effects and month shocks of its own, drawn anew; the truth is the expected "
        "contrast over all such banks. Coverage is of the replicates that could be evaluated, false claims of all.",
        "每家银行的网点、措施效果和月度冲击均重新抽取；真值是所有此类银行的期望对比。覆盖率以可评价的模拟为分母，误判率以全部模拟为分母。",
    ),
    "note_above": (
        "Coverage above 97 % counts as a miss too, except for repeated intervals and confidence sequences, fewer than 10 "
        "expected events, fewer than 4 effective branches.",
        "覆盖率高于97%同样视为未达到，但重复区间、置信序列、期望事件数少于10、有效网点数少于4时除外。",
    ),
    "note_power": (
        "The power promised is that of a t test with the true variance, taken from the estimates' own spread, at an effect "
        "which about four of five banks should show; it must be kept within 3 points.",
        "承诺的检验效能是以真实方差（由估计值的离散程度得出）作t检验的效能，所用效果约有五分之四的银行应能显示；实际值须在3个百分点之内。",
    ),
    "note_seed": ("Seed {seed}; the same seed gives the same figures.", "随机种子{seed}；种子相同则结果相同。"),
}  # fmt: skip


def say(key: str, language: Language, **values: object) -> str:
    """Return a sentence in the language.

    >>> say("bound", "zh", bound="≤ 2.5")
    '界限≤ 2.5'
    """
    return _WORDS[key][language == "zh"].format(**values)
