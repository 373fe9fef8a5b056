"""The bank's truth: the numbers its records are drawn from, in one place.

Shares are of one, durations minutes, scores points of the scale 1 to 10, rates incidents per million transactions.
An `…_SD` is a standard deviation between branches or between months. The measures' timetable, the targets and the
phase-in are not repeated here: they are read from the study template, `study.yaml` beside this module.
"""

from __future__ import annotations

from datetime import date

FIRST_DAY, LAST_DAY = date(2023, 1, 1), date(2026, 9, 30)
FESTIVALS = (date(2023, 1, 22), date(2024, 2, 10), date(2025, 1, 29), date(2026, 2, 17))

# Sizes: RECORDS process records, and of each large source so many for each of them; incidents come by chance.
RECORDS = 30_000
PER_RECORD = {"survey": 0.6, "process": 1.0, "feedback": 0.22, "incidents": 0.0}
REGIONS = {"east": 12, "south": 9, "north": 8, "west": 6, "central": 5}  # branches of each
BRANCH_SIZE_SIGMA = 0.6

# By source: on which scale months and branches differ, and how much. Branches differ also in what the programme gains
# them (score relative to its mean, speed on the log scale), and in the log of their survey weights.
SCALE = {"survey": "points", "process": "log", "feedback": "logit", "incidents": "log"}
MONTH_SD = {"survey": 0.02, "process": 0.01, "feedback": 0.05, "incidents": 0.08}
BRANCH_SD = {
    "survey": 0.25,
    "gain": 0.15,
    "weight": 0.15,
    "process": 0.15,
    "speed": 0.03,
    "feedback": 0.3,
    "incidents": 0.35,
}

# By source, what each measure adds: its share of the full effect, and the months from its completion until its share
# is fully felt. An ongoing measure works fully ONGOING_MONTHS after its start.
CONTRIBUTIONS: dict[str, dict[str, tuple[float, float]]] = {
    "survey": {
        "streamline-process": (0.35, 5),
        "intelligent-service": (0.30, 5),
        "multichannel-feedback": (0.15, 4),
        "feedback-analysis": (0.20, 6),
    },
    "process": {"streamline-process": (0.50, 0), "intelligent-service": (0.30, 0), "upgrade-systems": (0.20, 0)},
    "feedback": {"multichannel-feedback": (0.55, 6), "feedback-analysis": (0.45, 8)},
    "incidents": {
        "security-tests": (0.35, 2),
        "upgrade-systems": (0.35, 0),
        "risk-training": (0.20, 0),
        "contingency-plans": (0.10, 0),
    },
}
ONGOING_MONTHS = 9.0
MIX_MONTHS = 6.0  # from the start on, the mix of business, topics and channels moves for so long

# Satisfaction: points; score = 1 + beta-binomial(9, mean, correlation).
SCORE_MEAN, SCORE_EFFECT, SCORE_SEASON, SCORE_FESTIVAL = 7.0, 0.98, 0.05, -0.25
SCORE_CORRELATION, WEIGHT_SIGMA = 0.08, 0.35
# share of answers, offset of the mean score, mean survey weight
SURVEY_CHANNELS = {"counter": (0.38, 0.10, 1.15), "mobile": (0.47, 0.02, 0.80), "hotline": (0.15, -0.30, 1.35)}

# Handling time: minutes, log-normal, effects on the log scale.
BUSINESS_TYPES = {  # share before, share after, mean minutes, sigma, full effect
    "transfer": (0.240, 0.295, 12, 0.70, -0.17),
    "cash": (0.220, 0.235, 8, 0.60, -0.12),
    "card": (0.200, 0.200, 20, 0.70, -0.16),
    "account": (0.170, 0.145, 36, 0.75, -0.15),
    "wealth": (0.090, 0.065, 45, 0.75, -0.12),
    "loan": (0.080, 0.060, 120, 0.85, -0.12),
}
PROCESS_GROWTH, PROCESS_SEASON, PROCESS_FESTIVAL = 0.004, 0.02, 0.18
ABANDONED_SHARE, STEPS_BEFORE, STEPS_LOG_EFFECT = 0.004, 9.2, -0.30

# Feedback: share answered within seven days, festival on the logit scale; of the others LATE_SHARE are answered later.
ANSWERED_BEFORE, ANSWERED_AFTER, ANSWERED_FESTIVAL = 0.80, 0.952, -0.30
LATE_SHARE, LATE_DAYS, FEEDBACK_GROWTH = 0.65, 6.0, 0.35
FEEDBACK_CHANNELS = {  # share before, share after
    "counter": (0.36, 0.19),
    "hotline": (0.45, 0.33),
    "app": (0.10, 0.26),
    "website": (0.06, 0.08),
    "wechat": (0.03, 0.14),
}
# of the topics below, before and after
TOPIC_SHARES = (0.30, 0.15, 0.11, 0.13, 0.16, 0.07, 0.08), (0.19, 0.15, 0.22, 0.10, 0.17, 0.08, 0.09)
MESSAGES = {  # by topic: six sentences, invented, without anything personal
    "waiting-time": "排队时间太长，等了一个多小时/中午只开一个窗口，队伍很长/取号后等了四十分钟才办上业务/"
    "希望能提前预约，减少等待/The queue at noon is far too long/Only one counter was open this morning",
    "fees": "跨行转账手续费偏高/短信通知费没有提前说明/账户管理费能否减免/贷款提前还款的费用不清楚/"
    "The transfer fee was not explained/Please list all fees in one place",
    "mobile-app": "手机银行登录时经常闪退/更新后找不到转账入口/人脸识别总是失败/手机银行字体太小，老人看不清/"
    "The app signs me out every few minutes/Search in the app does not find my bills",
    "staff-attitude": "柜员态度冷淡，没有耐心/大堂经理很热情，解释清楚/电话客服语气不好/咨询问题时被反复转接/"
    "The clerk was patient and helpful/I was sent from one counter to another",
    "account-and-card": "开户需要的材料说得不一致/银行卡消磁，换卡流程复杂/对账单一直没有收到/挂失后补卡时间太长/"
    "Opening an account took three visits/The new card arrived late",
    "account-security": "收到冒充银行的短信，请核实/账户有一笔不认识的交易/希望增加大额转账的二次确认/"
    "验证码短信延迟很久/I received a suspicious message in your name/Please add a limit for night-time payments",
    "suggestion": "建议增加周末营业时间/希望网点增加自助设备/建议开通微信预约/希望有方言服务/"
    "Please open on Saturday afternoons/More self-service machines would help",
}

# Incidents: per million transactions; counts of a branch and month have variance INCIDENT_DISPERSION × mean.
INCIDENT_RATE, INCIDENT_LOG_EFFECT, INCIDENT_SEASON, INCIDENT_DISPERSION = 0.90, -0.66, 0.08, 1.6
KINDS = {"phishing": 0.38, "card-fraud": 0.27, "account-takeover": 0.17, "system-outage": 0.12, "data-exposure": 0.06}
SEVERITIES = {"low": 0.62, "medium": 0.29, "high": 0.09}
TRANSACTIONS, TRANSACTIONS_GROWTH, TRANSACTIONS_SEASON = 14.5, 0.008, 0.05  # millions a month at RECORDS

SYSTEMS = "core-banking mobile-bank web-bank payments card-switch call-centre atm-network data-warehouse"
SCENARIOS = "power-failure network-failure ransomware branch-evacuation data-centre-failover"
