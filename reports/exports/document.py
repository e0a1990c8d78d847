"""From frozen data to what the template of a report shows; the same for the preview and the PDF."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from inventory.status import WORDS
from policy.models import rule_of
from policy.rules import CATALOGUE
from reports import charts
from reports.charts.care import RULE_DATES, SERIES
from reports.snapshot.values import is_enough

BARS = 10
SECTIONS = (
    ("expired", "Expired and still served", "Nothing that is served has expired."),
    ("expiring", "Expiring", "Nothing that is served expires soon."),
    ("unowned", "Without an owner", "Everything that is served has an owner."),
    ("weak", "Weak keys and signatures", "No weak key or signature is served."),
)
# Rules that say of a certificate what stands beside it as status and owner.
SAID = ("expired", "expiring", "not_yet_valid", "ownerless")
# The total that says of how many certificates nobody knows whether they belong to a section.
DOUBTS = {"expired": "undated", "expiring": "undated", "weak": "unweighed"}


def context(data: Mapping[str, Any], data_sha256: str) -> dict[str, Any]:
    """What ``reports/inventory.html`` needs; ``data_sha256`` is printed on the cover."""
    taken_at = datetime.fromisoformat(data["taken_at"])
    freshness = data["freshness"]
    enough_judged = bool(freshness["endpoints"]) and is_enough(freshness["not_judged"], freshness["endpoints"])
    return {
        "data": data,
        "data_sha256": data_sha256,
        "taken_at": _moment(data["taken_at"]),
        "taken_utc": taken_at.astimezone(UTC),
        # Reports that were frozen before their zone was kept are in UTC.
        "zone_name": data.get("time_zone", "UTC"),
        "zone": _zone(data.get("time_zone", "UTC"), taken_at),
        "reasons": [(reason.replace("_", " "), count) for reason, count in freshness["reasons"]],
        "oldest": _moment(freshness["oldest"]),
        "newest": _moment(freshness["newest"]),
        "share": _share(data["scope"]["certificates"], data["scope"]["estate"]),
        "is_enough_judged": enough_judged,
        "is_enough_dated": enough_judged and not _not_judged(data, "expired"),
        # Reports that were frozen before rules not judged were kept do not have them.
        "rules": _rules(data.get("rules_not_judged", [])),
        "gaps": _gaps(data.get("rules_not_judged", [])),
        "horizon": charts.expiry_horizon(_weeks(data["weeks"]), SERIES, RULE_DATES),
        "issuers": _bars(data["issuers"]),
        "keys": _bars(data["keys"]),
        "statuses": [(code, WORDS[code], data["statuses"].get(code, 0)) for code in WORDS],
        "sections": [_section(data, *section) for section in SECTIONS],
        "population_file": f"certificates-{taken_at.astimezone(UTC):%Y%m%dT%H%M%SZ}.csv",
    }


def population_csv(data: Mapping[str, Any]) -> bytes:
    """The whole population: the export of certificates as it was when the data was frozen."""
    return str(data["population"]).encode()


def _section(data: Mapping[str, Any], code: str, title: str, nothing: str) -> dict[str, Any]:
    section = data["sections"][code]
    rows = [
        {
            **row,
            "word": WORDS[row["status"]],
            "ends": _moment(row["not_after"]),
            "titles": [CATALOGUE[risk].title for risk in row["risks"] if risk in CATALOGUE and risk not in SAID],
        }
        for row in section["rows"]
    ]
    return {
        "code": code,
        "title": title,
        "nothing": nothing,
        "not_judged": _not_judged(data, code),
        "rows": rows,
        "count": section["count"],
        "left": section["count"] - len(rows),
    }


def _not_judged(data: Mapping[str, Any], code: str) -> int:
    """Of how many certificates in use nobody can say whether they belong to a section, if they are too many."""
    count = data["totals"].get(DOUBTS.get(code, ""), 0)
    return 0 if is_enough(count, data["scope"]["in_use"]) else int(count)


def _rules(kept: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rules that were not judged for the same reasons stand in one line: one silent server stops most of them."""
    lines: dict[str, dict[str, Any]] = {}
    for one in kept:
        left = one["count"] - sum(count for _, count in one["reasons"])
        line = {"count": one["count"], "reasons": one["reasons"], "left": left, "titles": []}
        lines.setdefault(repr(line), line)["titles"].append(rule_of(one["rule"]).title)
    return list(lines.values())


def _gaps(kept: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Each reason once, with the rules that it stopped; "" stands for the reasons that were not kept."""
    stopped: dict[tuple[str, int], list[str]] = {}
    for one in kept:
        left = one["count"] - sum(count for _, count in one["reasons"])
        for reason, count in [*one["reasons"], *([("", left)] if left else [])]:
            stopped.setdefault((reason, count), []).append(rule_of(one["rule"]).title)
    titles = [rule_of(one["rule"]).title for one in kept]
    return [
        {"reason": reason, "count": count, **_of_all(found, titles)}
        for (reason, count), found in sorted(stopped.items(), key=lambda item: (not item[0][0], -item[0][1], item[0]))
    ]


def _of_all(found: Sequence[str], titles: Sequence[str]) -> dict[str, Any]:
    """Rules in the fewest words: themselves, or all, or all but a few."""
    missing = [title for title in titles if title not in found]
    is_most = len(titles) > 1 and len(missing) < len(found)
    return {"is_most": is_most, "titles": missing if is_most else found}


def _bars(ranked: Sequence[Sequence[Any]]) -> charts.Bars:
    return charts.sorted_bars((charts.Bar(label or "unknown", count) for label, count in ranked), BARS)


def _weeks(weeks: Sequence[Mapping[str, Any]]) -> list[charts.Week]:
    return [
        charts.Week(datetime.fromisoformat(week["start"]).date(), {"hand": week["owned"], "nobody": week["nobody"]})
        for week in weeks
    ]


def _moment(text: str) -> datetime | None:
    """A moment by the clocks of its own zone; without that zone, so that no template moves it to another."""
    return datetime.fromisoformat(text).replace(tzinfo=None) if text else None


def _zone(name: str, moment: datetime) -> str:
    """A zone with its offset at a moment: "Europe/Berlin (UTC+01:00)"."""
    return name if name == moment.tzname() else f"{name} ({moment.tzname()})"


def _share(part: int, whole: int) -> str:
    """Rounded down: 100 % is all. What is there is more than none."""
    if not whole or not part:
        return "0 %"
    tenths = 1000 * part // whole
    return f"{tenths / 10:.1f} %" if tenths else "under 0.1 %"
