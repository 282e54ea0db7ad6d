"""The words of dbt-refresh as frozen dataclasses; everything here is a value and can be stored as JSON.

Times are aware UTC datetimes, durations are seconds, hashes are Snowflake's signed 64-bit `HASH_AGG` numbers.
"""

from bot.model.plans import Actor, Build, Exposure, Origin, Plan, Reader, Request, Rules, TestResult
from bot.model.refreshes import Decision, Explanation, Loss, Problem, Promotion, Refresh, UndoRequest, Waiver
from bot.model.reports import ColumnChange, Finding, Headline, Outlier, OutlierGroup, Report, Series, Side
from bot.model.states import BUILDS, DRIVEN, ENDS, Kind, Mode, State, Verdict
from bot.model.tables import Column, Content, Relation, Right, Snapshot, Table, Token, Upstream, quote
from bot.model.unrecorded import OF_PRODUCTION, TakenOver, Trace, Unrecorded

__all__ = [
    "BUILDS",
    "DRIVEN",
    "ENDS",
    "OF_PRODUCTION",
    "Actor",
    "Build",
    "Column",
    "ColumnChange",
    "Content",
    "Decision",
    "Explanation",
    "Exposure",
    "Finding",
    "Headline",
    "Kind",
    "Loss",
    "Mode",
    "Origin",
    "Outlier",
    "OutlierGroup",
    "Plan",
    "Problem",
    "Promotion",
    "Reader",
    "Refresh",
    "Relation",
    "Report",
    "Request",
    "Right",
    "Rules",
    "Series",
    "Side",
    "Snapshot",
    "State",
    "Table",
    "TakenOver",
    "TestResult",
    "Token",
    "Trace",
    "UndoRequest",
    "Unrecorded",
    "Upstream",
    "Verdict",
    "Waiver",
    "quote",
]
