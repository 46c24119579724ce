"""What this host can measure and how well, what is missing, and what disturbs it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from statistics import fmean, stdev
from typing import Any, Final, Literal

from greenbench.api import Availability, Channel, Missing, Window
from greenbench.energy.calibrate import update_periods_s
from greenbench.energy.meter import Meter
from greenbench.energy.select import Opened
from greenbench.energy.timeline import Timeline
from greenbench.host.control import Control, control, load_process
from greenbench.host.disturbances import Disturbance, disturbances
from greenbench.host.fingerprint import fingerprint
from greenbench.host.gpu import open_gpus
from greenbench.host.state import StateWatch

CALIBRATE_S: Final = 1.0
"""How long counters are watched to see how often they update."""
PARTS: Final = 5
"""Parts of the idle window whose powers are compared."""
PERIODS_FOR_1_PERCENT: Final = 100
"""A window's edges are each known to about an update period: over this many it is about ±1 %."""
SETTLE_S: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelReport:
    """How well one channel can be read on this host. None is what can't be known.

    `update_period_s` was "observed" here, or is what the backend "stated". `unit_j` of a counter,
    `unit_w` of a power reading: the smallest change it can show. `range_j` and `wrap_s`: what a
    counter holds, and how soon it wraps at `max_power_w`; None: it does not wrap. `one_percent_s`:
    windows shorter than this are known no better than ±1 %. `idle_variation`: coefficient of
    variation over parts of the idle window.
    """

    channel: str
    source: str
    method: str
    scope: str
    contained_in: str | None
    update_period_s: float | None
    update_period_from: Literal["observed", "stated"] | None
    unit_j: float | None
    unit_w: float | None
    range_j: float | None
    max_power_w: float | None
    wrap_s: float | None
    one_percent_s: float | None
    coverage: float | None
    calibration: float | None
    idle_power_w: float | None
    idle_uncertainty_w: float | None
    idle_variation: float | None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """What the doctor found. `control` is None where it was not asked for."""

    host: dict[str, Any]
    state: dict[str, Any]
    channels: tuple[ChannelReport, ...]
    missing: tuple[Missing, ...]
    executors: tuple[tuple[str, Availability], ...]
    disturbances: tuple[Disturbance, ...]
    estimated: bool
    control: Control | None = None

    @property
    def measures(self) -> bool:
        """Whether any meter answers here."""
        return bool(self.channels) and not self.estimated

    @property
    def stable(self) -> bool | None:
        """Whether the control workload's energy repeated within its limit; None: not known."""
        return self.control.stable if self.control else None

    def as_json(self) -> dict[str, Any]:
        """Stable JSON; names end in their unit, null is what is not known."""
        return {
            "measures": self.measures,
            "stable": self.stable,
            "channels": [asdict(channel) for channel in self.channels],
            "missing": [
                {"source": m.backend, "channel": m.channel, "reason": m.reason, "remedy": m.remedy}
                for m in self.missing
            ],
            "disturbances": [asdict(found) for found in self.disturbances],
            "executors": [{"name": name, **asdict(found)} for name, found in self.executors],
            "control": self.control.as_json() if self.control else None,
            "host": self.host,
            "host_state": self.state,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the examination should do. `runs` 0: no control workload."""

    idle_s: float = 5.0
    runs: int = 10
    seconds: float = 30.0
    period_s: float = 0.1


def examine(
    opened: Opened,
    executors: Sequence[tuple[str, Availability]],
    wish: Wish,
    progress: Callable[[str], None] = lambda _: None,
    lacking: Sequence[Missing] = (),
) -> Examination:
    """Looks at this host: channels, an idle window, other work, and a control workload. `lacking`:
    what executors can't give to trials here; it is among what is missing."""
    gpus = open_gpus()
    progress(f"watching counters for up to {CALIBRATE_S:g} s")
    periods_s = _observed_periods_s(opened)
    timeline = Timeline(opened.channels)
    with Meter(opened.readers, period_s=wish.period_s) as meter:
        progress(f"reading idle power for {wish.idle_s:g} s")
        watch = StateWatch(gpus)
        idle = _idle(meter, timeline, wish.idle_s)
        state = watch.state()
        channels = [
            channel_report(channel, period_s, timeline, idle)
            for channel, period_s in zip(opened.channels, periods_s, strict=True)
        ]
        host = fingerprint(gpus)
        found = Examination(
            host=host,
            state=state,
            channels=tuple(channels),
            missing=(*opened.missing, *lacking),
            executors=tuple(executors),
            disturbances=tuple(disturbances(host, state)),
            estimated=opened.estimated,
        )
        if wish.runs == 0:
            return found
        with load_process() as load:
            progress(f"control workload: {wish.runs} runs of about {wish.seconds:g} s")
            ran = control(
                load,
                meter,
                timeline,
                runs=wish.runs,
                seconds=wish.seconds,
                estimated=not found.measures,
                progress=progress,
            )
    return replace(found, control=ran)


def channel_report(
    channel: Channel, observed_s: float | None, timeline: Timeline, idle: Window
) -> ChannelReport:
    """What is known of a channel, with its power in the idle window."""
    update_s = observed_s or channel.update_period_s
    counter = channel.method != "power"
    range_j = None
    if counter and channel.wrap_units and channel.unit_j:
        range_j = channel.wrap_units * channel.unit_j
    whole = _energy(timeline, channel, idle)
    length_s = idle.end_s - idle.start_s
    powers = [_power_w(timeline, channel, part) for part in _parts(idle)]
    known = [power for power in powers if power is not None]
    steady = len(known) == PARTS and fmean(known) > 0
    return ChannelReport(
        channel=channel.name,
        source=channel.backend,
        method=channel.method,
        scope=channel.scope,
        contained_in=channel.contained_in,
        update_period_s=update_s,
        update_period_from="observed" if observed_s else "stated" if update_s else None,
        unit_j=channel.unit_j if counter else None,
        unit_w=None if counter else channel.unit_w,
        range_j=range_j,
        max_power_w=channel.max_power_w,
        wrap_s=range_j / channel.max_power_w if range_j and channel.max_power_w else None,
        one_percent_s=PERIODS_FOR_1_PERCENT * update_s if update_s else None,
        coverage=channel.coverage,
        calibration=channel.calibration,
        idle_power_w=_power_w(timeline, channel, idle),
        idle_uncertainty_w=whole.resolution_j / length_s if whole.resolution_j else None,
        idle_variation=stdev(known) / fmean(known) if steady else None,
        reason=whole.reason,
    )


def _observed_periods_s(opened: Opened) -> list[float | None]:
    """Update periods as seen here; None for estimates and for what did not change enough."""
    seen = update_periods_s(opened.readers, CALIBRATE_S, time.monotonic, time.sleep)
    return [
        None if reader.channel.method == "estimate" else period_s
        for reader, period_s in zip(opened.readers, seen, strict=True)
    ]


def _idle(meter: Meter, timeline: Timeline, seconds: float) -> Window:
    time.sleep(2 * meter.period_s)
    start_s = time.monotonic()
    while (left_s := start_s + seconds - time.monotonic()) > 0:
        time.sleep(min(left_s, 1.0))
        timeline.add(meter.drain())
    window = Window(kind="idle", start_s=start_s, end_s=time.monotonic())
    give_up_s = time.monotonic() + max(SETTLE_S, 5 * meter.period_s)
    while not timeline.ready(window) and time.monotonic() < give_up_s:
        time.sleep(meter.period_s / 2)
        timeline.add(meter.drain())
    return window


def _parts(window: Window) -> Iterator[Window]:
    length_s = (window.end_s - window.start_s) / PARTS
    for number in range(PARTS):
        start_s = window.start_s + number * length_s
        yield Window(kind="idle", start_s=start_s, end_s=start_s + length_s)


def _energy(timeline: Timeline, channel: Channel, window: Window) -> Any:
    return next(e for e in timeline.energy(window) if e.channel == channel.name)


def _power_w(timeline: Timeline, channel: Channel, window: Window) -> float | None:
    energy_j = _energy(timeline, channel, window).energy_j
    length_s = window.end_s - window.start_s
    return None if energy_j is None or length_s <= 0 else energy_j / length_s
