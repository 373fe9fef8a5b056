"""What customers write, by topic: short, invented, and without anything personal."""

from __future__ import annotations

MESSAGES: dict[str, tuple[str, ...]] = {
    "waiting-time": (
        "排队时间太长，等了一个多小时",
        "中午只开一个窗口，队伍很长",
        "取号后等了四十分钟才办上业务",
        "希望能提前预约，减少等待",
        "The queue at noon is far too long",
        "Only one counter was open this morning",
    ),
    "fees": (
        "跨行转账手续费偏高",
        "短信通知费没有提前说明",
        "账户管理费能否减免",
        "贷款提前还款的费用不清楚",
        "The transfer fee was not explained",
        "Please list all fees in one place",
    ),
    "mobile-app": (
        "手机银行登录时经常闪退",
        "更新后找不到转账入口",
        "人脸识别总是失败",
        "手机银行字体太小，老人看不清",
        "The app signs me out every few minutes",
        "Search in the app does not find my bills",
    ),
    "staff-attitude": (
        "柜员态度冷淡，没有耐心",
        "大堂经理很热情，解释清楚",
        "电话客服语气不好",
        "咨询问题时被反复转接",
        "The clerk was patient and helpful",
        "I was sent from one counter to another",
    ),
    "account-and-card": (
        "开户需要的材料说得不一致",
        "银行卡消磁，换卡流程复杂",
        "对账单一直没有收到",
        "挂失后补卡时间太长",
        "Opening an account took three visits",
        "The new card arrived late",
    ),
    "account-security": (
        "收到冒充银行的短信，请核实",
        "账户有一笔不认识的交易",
        "希望增加大额转账的二次确认",
        "验证码短信延迟很久",
        "I received a suspicious message in your name",
        "Please add a limit for night-time payments",
    ),
    "suggestion": (
        "建议增加周末营业时间",
        "希望网点增加自助设备",
        "建议开通微信预约",
        "希望有方言服务",
        "Please open on Saturday afternoons",
        "More self-service machines would help",
    ),
}
