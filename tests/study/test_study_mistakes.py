"""Every mistake in a study file, each with its place, what was found and the mend."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from evalkit.errors import StudyError
from evalkit.study.load import read

Mistakes = Callable[..., list[str]]

# (text replaced, by what, the path in the message, what the message says)
ONE = [
    # keys
    ("id: bank-", "naem: x\nid: bank-", "naem", "the key 'naem' is not known."),
    ("frequency: quarter", "frequncy: quarter", "calendar.frequncy", "Did you mean 'frequency'?"),
    ("value: score, weight", "value: score, wieght", "goals[0].metric.wieght", "Did you mean 'weight'?"),
    ("{column: level, at_most: 9}", "{column: level, at_mots: 9, at_least: 1}", "goals[0].where[3].at_mots", "Did you mean 'at_most'?"),
    ("unit: minutes, within", "unit: minutes, wihtin", "goals[1].metric.value.wihtin", "Did you mean 'within'?"),
    ("spending: obrien", "spendin: obrien", "inference.sequential.spendin", "Did you mean 'spending'?"),
    ("harmonics: 6", "harmonic: 6", "goals[1].estimator.harmonic", "Did you mean 'harmonics'?"),
    ("type: string, rename_from", "type: string, renamefrom", "sources.survey.fields[4].renamefrom", "'rename_from'?"),
    ("schema: 1\n", "", "", "the key 'schema' is missing; write schema: 1."),
    ("schema: 1", "schema: 2", "schema", "found the number 2, expected 1."),
    ("id: bank-service-commitments\n", "", "", "the key 'id' is missing"),
    ("    better: lower\n", "", "goals[1]", "the key 'better' is missing; write better: higher or better: lower."),
    ("    target: {level: 0.90}\n", "", "goals[2]", "the key 'target' is missing; write target: {relative_change:"),
    ("{kind: mean, value: score,", "{value: score,", "goals[0].metric", "the key 'kind' is missing"),
    ("kind: mean", "kind: maen", "goals[0].metric.kind", "expected mean, ratio, proportion or rate. Did you mean 'mean'?"),
    ("kind: direct", "kind: its", "goals[0].estimator.kind", "expected direct or interrupted-time-series."),
    ("method: alpha-spending", "method: alpha", "inference.sequential.method", "expected alpha-spending or anytime."),
    # types and ranges
    ("relative_change: 0.10", 'relative_change: "0.1"', "goals[0].target.relative_change", "expected a number; remove"),
    ("relative_change: 0.10", "relative_change: true", "goals[0].target.relative_change", "found the truth value true"),
    ("relative_change: 0.10", "relative_change: .inf", "goals[0].target.relative_change", "a finite number"),
    ("relative_change: 0.10", "relative_change: -1", "goals[0].target.relative_change", "expected greater than -1"),
    ("relative_change: 0.10", "relative_change: -0.10", "goals[0].target.relative_change", "found the number -0.1, a change for the worse where higher is better; write 0.1, or better: lower."),
    ("relative_change: 0.10", "difference: -2", "goals[0].target.difference", "write 2, or better: lower."),
    ("relative_change: 0.10", "relative_change: 10", "goals[0].target.relative_change", "+1,000 %; write 0.1 if 10 % is meant."),
    ("relative_change: 0.10", "level: 0.9, difference: 1", "goals[0].target", "found difference and level of relative_change, difference, level; expected exactly one"),
    ("{relative_change: 0.10}", "{}", "goals[0].target", "found none of relative_change, difference, level"),
    ("{relative_change: 0.10}", "0.1", "goals[0].target", "found the number 0.1, expected a mapping."),
    ("title: Faster service", "title: 2024", "commitments[0].title", "a number needs quotes"),
    ("title: Faster service", "title: {}", "commitments[0].title", "a text under 'en', 'zh' or both"),
    ("title: Faster service", "title: {de: Dienst}", "commitments[0].title.de", "Known here: en, zh."),
    ("better: higher", "better: up", "goals[0].better", "expected higher or lower."),
    ("confidence: 0.95", "confidence: 95", "inference.confidence", "expected less than 1"),
    ("confidence: 0.95", "confidence: 0.5", "inference.confidence", "expected greater than 0.5"),
    ("looks: 6", "looks: 0", "inference.sequential.looks", "expected greater than or equal to 1"),
    ("looks: 6", "looks: 6.0", "inference.sequential.looks", "expected a whole number"),
    ("minimum_cell: 5", "minimum_cell: five", "inference.minimum_cell", "found the text 'five', expected a whole"),
    ("harmonics: 6", "harmonics: 7", "goals[1].estimator.harmonics", "less than or equal to 6"),
    ("frequency: month", "frequency: quarter", "goals[1].estimator.harmonics", "has room for 2 at most"),
    ("max_rejected: 0.05", "max_rejected: 5", "sources.survey.max_rejected", "less than or equal to 1"),
    ("standardise_by: [channel]", "standardise_by: channel", "goals[0].standardise_by", "expected a list"),
    (
        "metric: {kind: mean, value: score, weight: weight}",
        "metric: {kind: rate, exposure: calendar-days}",
        "goals[0].standardise_by",
        "calendar days are the same for every channel",
    ),
    ("standardise_by: [channel]", "standardise_by: [channel, channel]", "goals[0].standardise_by", "stands twice"),
    ("within: 24h", "within: 24", "goals[2].metric.success.within", "such as 24h or 7d"),
    ("within: 24h", "within: 0d", "goals[2].metric.success.within", "such as 24h or 7d"),
    ("not_null: true", "not_null: false", "goals[0].where[7].not_null", "expected true"),
    ("sequential: {m", "sequential: sometimes #", "inference.sequential", "expected none, {method: alpha-spending"),
    ("owners: [operations, it]", "owners: [operations, 7]", "measures[0].owners[1]", "expected a text; put it in quotes"),
    ("months: 3}", "}", "measures[0].planned", "expected {start, months}, or {ongoing: true}"),
    ("time: responded_at", "time: [year]", "sources.survey.time", "[year, month]"),
    # ids and references
    ("id: satisfaction", "id: ../x", "goals[0].id", "letters, digits, '-' and '_'"),
    ("id: satisfaction", "id: .", "goals[0].id", "letters, digits"),
    ("id: satisfaction", "id: Results", "goals[0].id", "is the name of a published file"),
    ("id: high-scores", "id: Satisfaction", "indicators[1].id", "the id 'Satisfaction' is taken, on line "),
    ("id: safety, title", "id: efficiency, title", "commitments[1].id", "is taken, on line 18"),
    ("commitment: efficiency\n    source", "commitment: efficency\n    source", "goals[0].commitment", "'efficiency'?"),
    ("measure: watch", "measure: wach", "indicators[0].measure", "Did you mean 'watch'?"),
    ("source: survey\n", "source: servey\n", "goals[0].source", "there is no source 'servey'; the study has survey"),
    ("source: exposure", "source: exposures", "goals[3].metric.exposure.source", "Did you mean 'exposure'?"),
    ("source: rollout", "source: roll", "goals[0].rollout.source", "there is no source 'roll'"),
    ("{source: tickets, cat", "{source: ticket, cat", "feedback.source", "Did you mean 'tickets'?"),
    ("  survey:\n", "  sur vey:\n", "sources.sur vey", "letters, digits"),
    # columns
    ("value: score", "value: scor", "goals[0].metric.value", "declares no field 'scor'; it declares response_id, "),
    ("value: score", "value: channel", "goals[0].metric.value", "is of type string; expected number or integer."),
    ("weight: weight", "weight: branch", "goals[0].metric.weight", "is of type string; expected number or integer."),
    ("from: received", "from: topic", "goals[1].metric.value.from", "expected date or datetime."),
    ("of: received", "of: topic", "goals[2].metric.success.of", "expected date or datetime."),
    (", of: received", "", "goals[2].metric.success", "within and of go together"),
    ("column: score, at_least", "column: channel, at_least", "indicators[1].metric.success.column", "of type string"),
    ("at_least: 8", "at_least: 8, of: closed", "indicators[1].metric.success", "within and of go together"),
    ("{column: score, at_least: 8}", "{column: closed, within: 3h, of: opened}", "indicators[1].metric.success.within",
     "hours cannot be counted in 'opened'"),
    ("numerator: score", "numerator: code", "indicators[0].metric.numerator", "expected number or integer"),
    ("events: losses", "events: branch", "goals[3].metric.events", "expected number or integer"),
    ("value: transactions", "value: year_", "goals[3].metric.exposure.value", "Did you mean 'year'?"),
    ("exposure: calendar-days", "exposure: lossess", "indicators[2].metric.exposure", "Did you mean 'losses'?"),
    ("exposure: calendar-days", "exposure: 7", "indicators[2].metric.exposure", "expected a column or a mapping"),
    ("exposure: calendar-days", "exposure: losses, weight: losses", "indicators[2].metric.weight", "Known here: kind, events, exposure"),
    ("cluster: branch", "cluster: score", "goals[0].cluster", "expected string, integer or boolean"),
    ("unit: branch", "unit: brunch", "goals[0].rollout.unit", "Did you mean 'branch'?"),
    ("date: reached_on", "date: branch", "goals[0].rollout.date", "expected date or datetime"),
    ("category: topic", "category: topc", "feedback.category", "Did you mean 'topic'?"),
    ("category: topic, ", "", "feedback", "the key 'category' is missing"),
    ("in: [counter, mobile]", "in: [counter, moble]", "goals[0].where[0].in[1]", "Did you mean 'mobile'?"),
    ("in: [counter, mobile]", "in: []", "goals[0].where[0].in", "at least one entry"),
    ("level, at_least: 2", "level, at_least: two", "goals[0].where[2].at_least", "the type of the field 'level' (integer)"),
    ("level, at_least: 2", "level, at_least: 2.5", "goals[0].where[2].at_least", "expected a whole number"),
    ("resolved, equals: true", "resolved, equals: Yes", "goals[0].where[4].equals", "expected true or false"),
    ("at_least: 2020-01-01}", "at_least: 2020}", "goals[0].where[5].at_least", "expected a date such as"),
    ("at_least: 2020-01-01}", "contains: 2020}", "goals[0].where[5].column", "is of type date; expected string"),
    ("2020-01-01T00:00:00Z", "noon", "goals[0].where[8].at_least", "expected a date or time"),
    ("{column: code, equals: 007}", "{column: code, equals: a, in: [b]}", "goals[0].where[1]", "found equals and in of"),
    ("enum: [counter, mobile, hotline]", "enum: [yes, true, counter, mobile]", "sources.survey.fields[5].constraints.enum[1]",
     'found the truth value true among the values of a text field; put it in quotes, "true", or declare type: boolean.'),
    ("weight, type: number", 'weight, type: number, groupChar: "."', "sources.survey.fields[3].groupChar",
     "the same character, '.', so no number could be read; add decimalChar: \",\"."),
    ("level, type: integer", 'level, type: integer, groupChar: "."', "sources.survey.fields[7].groupChar",
     "a field of type integer is read without groupChar; write type: number."),
    ("code, type: string", 'code, type: string, decimalChar: ","', "sources.survey.fields[6].decimalChar", "without decimalChar; remove it."),
    ("{start: 2025-01-01, end: 2025-03-31}", "3 months", "goals[0].phase_in",
     "found the text '3 months', expected a mapping such as {start: 2025-01-01, end: 2025-03-31}, its days inclusive."),
    # targets
    ("level: 0.90", "level: 0,90", "goals[2].target.90", "a comma ends the value of 'level' in a flow mapping; write level: 0.90."),
    ("level: 0.90", "level: 0.90, 90: 1", "goals[2].target.90", "the key '90' is not known."),
    ("target: {relative_change: 0.10}", "target: -20%", "goals[0].target", "Write target: {relative_change: -0.2}."),
    ("target: {relative_change: 0.10}", "target: 85％", "goals[0].target", "Write target: {relative_change: 0.85}."),
    ("target: {relative_change: 0.10}", "target: 5", "goals[0].target", "Write target: {level: 5} or {relative_change: 0.05}."),
    ("target: {level: 0.90}", "target: 90", "goals[2].target", "Write target: {level: 0.9} or {relative_change: 0.9}."),
    ("relative_change: 0.10", "relative_change: −15%", "goals[0].target.relative_change", "Write -0.15 for -15 %."),
    ("relative_change: 0.10", "relative_change: -15", "goals[0].target.relative_change", "Write -0.15 for -15 %."),
    ("relative_change: 0.10", "relative_change: -0.x", "goals[0].target.relative_change", "expected a number."),
    ("standardise_by: [channel]", "standardise_by: channel", "goals[0].standardise_by", "expected a list. Write [channel]."),
    ("key: response_id", 'key: "response_id "', "sources.survey.key", "declares no field 'response_id␣'; it declares"),
    ("level: 0.90", "level: 90", "goals[2].target.level", "expected a share between 0 and 1"),
    ("difference: -0.5", "level: -1", "goals[3].target.level", "a rate is never below 0"),
    ("relative_change: -0.20", "level: 5", "goals[1].target", "an interrupted time series answers relative_change only"),
    # calendar
    ("end: 2024-12-31", "end: 2022-12-31", "calendar.baseline.end", "lies before the start, 2023-01-01; swap"),
    ("end: 2024-12-31", "end: 2025-06-30", "calendar.programme_start", "the two may not overlap"),
    ("programme_start: 2025-01-01", "programme_start: 2025-02-30", "calendar.programme_start", "expected a date such as"),
    ("programme_start: 2025-01-01", "programme_start: 1/1/2025", "calendar.programme_start", "a date such as"),
    ("programme_start: 2025-01-01", "programme_start: 0025-01-01", "calendar.programme_start", "of the years 1000 to 8999"),
    ("{start: 2025-01-01, end: 2025-03-31}", "{start: 2024-12-01, end: 2025-03-31}", "goals[0].phase_in", "within or before the"),
    ("{start: 2025-01-01, end: 2025-03-31}", "{start: 2025-04-01, end: 2025-03-31}", "goals[0].phase_in.end", "swap"),
    ("{start: 2025-01-01, end: 2025-03-31}", "{start: 2021-04-01, end: 2021-05-31}", "goals[0].phase_in", "before the ba"),
    ("end: 2025-04-11", "end: 2024-04-11", "measures[0].actual.end", "lies before the start"),
    ("timezone: Asia/Shanghai", "timezone: Asia/Shangai", "timezone", "Did you mean 'Asia/Shanghai'?"),
    ("timezone: Asia/Shanghai", "timezone: ../../etc/passwd", "timezone", "is not a timezone"),
    # sources
    ("encoding: gb18030", "encoding: gb18031", "sources.survey.encoding", "Did you mean 'gb18030'?"),
    ("encoding: gb18030", "encoding: hex", "sources.survey.encoding", "is not an encoding"),
    ('delimiter: ";"', 'delimiter: ";;"', "sources.survey.delimiter", 'expected one character such as "," or ";", or tab'),
    ('delimiter: ";"', "delimiter: '\\\\'", "sources.survey.delimiter", "expected one character"),
    ('"-"]', "-99]", "sources.survey.missing_values[2]", "expected a text; put it in quotes"),
    ("key: response_id", "key: respons_id", "sources.survey.key", "Did you mean 'response_id'?"),
    ("time: responded_at", "time: respondedat", "sources.survey.time", "Did you mean 'responded_at'?"),
    ("time: responded_at", "time: score", "sources.survey.time", "is of type number; expected date or datetime"),
    ("time: [year, month]", "time: [year, branch]", "sources.exposure.time[1]", "expected integer"),
    ("path: records/survey", "path: /records/survey", "sources.survey.path", "is absolute"),
    ("path: records/survey", "path: C:/records/survey", "sources.survey.path", "is absolute"),
    ("path: records/survey", "path: records\\survey", "sources.survey.path", "has a backslash"),
    ("path: records/survey", "path: a/../../survey", "sources.survey.path", "leads outside the study's folder"),
    ("path: records/survey", "path: a/${B}/survey", "sources.survey.path", "a variable stands at the start only"),
    ("_RECORDS}/exp", "_RECORDS}/../exp", "sources.exposure.path", "leads outside its variable's folder"),
    ("    path: records/survey_responses.csv\n", "", "sources.survey", "needs path, or connection and table"),
    ("    connection: warehouse", "    path: x.csv\n    connection: warehouse", "sources.tickets", "not both"),
    ("    connection: warehouse", "    path: x.csv", "sources.tickets", "found path and table; a source needs path, or"),
    ("    table: tickets\n", "", "sources.tickets", "found connection; a source needs"),
    ("connection: warehouse", "connection: ware house", "sources.tickets.connection", "expected a name of letters"),
    ("name: level, type: integer", "name: level, type: int", "sources.survey.fields[7].type", "Did you mean 'integer'?"),
    ("name: closed, type", "name: branch, type", "sources.survey.fields[10].name", "the name 'branch' is taken, on line "),
    ("minimum: 1, maximum: 10", "minimum: 10, maximum: 1", "sources.survey.fields[2].constraints.minimum", "lies above"),
    ("minLength: 1,", "minimum: 1,", "sources.tickets.fields[3].constraints.minimum", "a string field has no minimum"),
    ("{minimum: 0}", "{minLength: 0}", "sources.survey.fields[3].constraints.minLength", "a number field has no minLength; remove"),
    ("{minimum: 0}", "{minimum: none}", "sources.survey.fields[3].constraints.minimum", "the type of the field 'weight'"),
    ('pattern: ".*"', 'pattern: "("', "sources.tickets.fields[3].constraints.pattern", "is not a regular expression"),
    ('format: "%d/%m/%Y"', 'format: "%d/%q"', "sources.survey.fields[9].format", "does not give year, month and day"),
    ('format: "%d/%m/%Y"', 'format: "%d/%m"', "sources.survey.fields[9].format", "does not give year, month and day"),
    ('format: "%d/%m/%Y"', "format: dd/mm/yyyy", "sources.survey.fields[9].format", "does not give year, month and day"),
    ("name: code, type: string", "name: code, type: string, format: email", "sources.survey.fields[6].format", "remove"),
    # answers that place their records in time
    ("{column: answered, within: 24h, of: received}", "{column: received, within: 24h, of: answered}", "goals[2].metric.success.column", "never answered lies in no window and would not count as a failure; write `time: answered` there"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "path", "part"), ONE, ids=[f"{n}-{row[2]}" for n, row in enumerate(ONE)])
def test_each_mistake_is_told_where_it_stands(
    mistakes: Mistakes, whole: str, old: str, new: str, path: str, part: str
) -> None:
    messages = mistakes((old, new))
    told = [m for m in messages if m.split(": ", 1)[1].startswith(f"{path}: " if path else "") and part in m]
    assert told, messages
    line, column = (int(number) for number in told[0].split(":")[1:3])
    first = whole[: whole.index(old)].count("\n") + 1
    changed = whole.replace(old, new, 1).splitlines()
    assert 1 <= column <= len(changed[line - 1]) + 1
    if new and path.rsplit(".", 1)[-1].rsplit("[", 1)[0] in new and "\n" not in new:
        assert line == first, told


@pytest.mark.parametrize("written", ["tab", "Tab", r"'\t'", r'"\t"', r"\t"])
def test_a_tab_may_be_written_in_words(whole: str, written: str) -> None:
    text = whole.replace('    delimiter: ";"', f"    delimiter: {written}")
    assert read(text).source("survey").delimiter == "\t"


@pytest.mark.parametrize(
    ("old", "new"),
    [row[:2] for row in ONE if row[3] in ("expected higher or lower.", "expected a share between 0 and 1", "'level'")]
    + [
        ("value: score", "value: scor"),
        ("source: survey\n", "source: servey\n"),
        ("end: 2024-12-31", "end: 2022-12-31"),
    ],
)
def test_one_mistake_is_told_once(mistakes: Mistakes, old: str, new: str) -> None:
    assert len(mistakes((old, new))) == 1


def test_a_whole_sentence(mistakes: Mistakes) -> None:
    assert mistakes(("value: score, weight", "value: scor, weight")) == [
        "study.yaml:80:26: goals[0].metric.value: the source 'survey' declares no field 'scor'; it declares response_id, "
        "responded_at, score, weight, branch, channel, code, level, resolved, opened, closed. Did you mean 'score'?"
    ]


@pytest.mark.parametrize("old", ["better: higher", "metric: {kind: mean, value: score, weight: weight}"])
def test_a_full_width_colon_is_named_where_it_stands(mistakes: Mistakes, whole: str, old: str) -> None:
    line = whole[: whole.index(old)].count("\n") + 1
    told = [message for message in mistakes((old, old.replace(": ", "：", 1))) if "full-width colon" in message]
    assert told == [
        f"study.yaml:{line}:{5 + old.index(':')}: '：' behind '{old.split(':')[0]}' is a full-width colon; "
        "write ': ', a plain colon and a space."
    ]


def test_an_indicator_has_no_target(mistakes: Mistakes) -> None:
    (message,) = mistakes(("  - {id: daily,", "  - {id: daily, target: {level: 1},"))
    assert "indicators[2].target: an indicator has no target; move it to goals" in message


def test_all_mistakes_are_told_at_once_in_file_order(mistakes: Mistakes) -> None:
    messages = mistakes(
        ("schema: 1", "schema: 2"),
        ("frequency: quarter", "frequency: quarter\n  frequency: month"),
        ("confidence: 0.95", "confidence: 95"),
        ("key: response_id", "key: respons_id"),
        ("name: code, type: string", "name: code, type: text"),
        ("value: score", "value: scor"),
        ("    better: lower\n", ""),
        ("    target: {level: 0.90}\n", ""),
        ("source: incidents\n", "source: incident\n"),
        ("measure: watch", "measure: wach"),
        ("category: topic", "categroy: topic"),
    )
    paths = [message.split(": ")[1] for message in messages]
    assert paths == [
        "schema", "calendar", "inference.confidence", "sources.survey.key", "sources.survey.fields[6].type",
        "goals[0].metric.value", "goals[1]", "goals[2]", "goals[3].source", "indicators[0].measure",
        "feedback", "feedback.categroy",
    ]  # fmt: skip
    lines = [int(message.split(":")[1]) for message in messages]
    assert lines == sorted(lines)
    assert "lines 8 and 9" in messages[1]


def test_a_mistake_in_a_field_does_not_make_its_column_unknown(mistakes: Mistakes) -> None:
    (message,) = mistakes(("name: score, type: number", "name: score, type: decimal"))
    assert "sources.survey.fields[2].type" in message


def test_a_mistake_beside_a_missing_target_is_told_too(mistakes: Mistakes) -> None:
    messages = mistakes(("target: {relative_change: 0.10}\n", "\n"), ("cluster: branch", "cluster: brnch"))
    assert [message.split(": ")[1] for message in messages] == ["goals[0]", "goals[0].cluster"]


@pytest.mark.parametrize(
    "text", ["schema: 1", "a: 1", "schema: 1\nid: x\ngoals: []\nsources: {}", "goals: 3\nsources: 3"]
)
def test_nearly_nothing_is_told_too(text: str) -> None:
    with pytest.raises(StudyError) as caught:
        read(text)
    assert any("calendar" in message for message in caught.value.messages)


def test_an_empty_optional_key_is_as_if_it_were_not_there(whole: str) -> None:
    text = whole.replace('    delimiter: ";"', "    delimiter:").replace("frequency: quarter", "frequency:")
    study = read(text)
    assert study.source("survey").delimiter == ","
    assert study.calendar.frequency == "quarter"
