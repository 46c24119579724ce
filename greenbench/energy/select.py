"""Chooses and opens energy channels: one backend for each physical one, an estimate only if
there is no meter at all."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final, Literal, Self

from greenbench.api import Missing
from greenbench.errors import EnergyError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

    from greenbench.api import Channel, EnergyBackend, Provided, Reader

APART_REMEDY: Final = "ask for it with limits.gpus, or end those programs and begin with --new"


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """What can be read on this host. Use it as a context, or call `close()`.

    `missing`: what could not be opened, why, and what would help. `estimated`: the readers are a
    model's, not a meter's. `backends`: those that were chosen. `why`: the choice in sentences.
    """

    readers: tuple[Reader, ...]
    missing: tuple[Missing, ...]
    estimated: bool
    backends: tuple[str, ...]
    why: tuple[str, ...]

    @property
    def channels(self) -> tuple[Channel, ...]:
        """The readers' channels."""
        return tuple(reader.channel for reader in self.readers)

    def close(self) -> None:
        """Releases every reader."""
        for reader in self.readers:
            reader.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class _Opening:
    """The readers taken so far; a physical channel belongs to the backend that came first."""

    def __init__(self, apart: Mapping[str, str]) -> None:
        self._apart = apart
        self._left_out: set[str] = set()
        self.readers: list[Reader] = []
        self.missing: list[Missing] = []
        self.backends: list[str] = []
        self.why: list[str] = []
        self._owner: dict[str, str] = {}
        self._names: dict[str, str] = {}

    def open(self, backend: Provided[EnergyBackend]) -> int:
        """Opens a backend; how many channels it has on this host, also those taken before."""
        try:
            readers, missing = backend.value.open()
        except Exception as error:  # noqa: BLE001 (a plugin's error is not ours)
            reason = f"it failed to open: {type(error).__name__}: {error}"
            remedy = f"report it to {backend.distribution} {backend.version}"
            self.missing.append(Missing(backend.name, "*", reason, remedy))
            return 0
        self.missing.extend(missing)
        taken = [reader for reader in readers if self._take(backend.name, reader)]
        if taken:
            self.backends.append(backend.name)
            names = ", ".join(reader.channel.name for reader in taken)
            self.why.append(f"{backend.name} reads {names}")
        return len(readers)

    def _take(self, backend: str, reader: Reader) -> bool:
        channel = reader.channel
        if self._is_apart(backend, channel):
            reader.close()
            return False
        owner = self._owner.setdefault(channel.physical_id, backend)
        if owner == backend and channel.name not in self._names:
            self._names[channel.name] = backend
            self.readers.append(reader)
            return True
        reader.close()
        first = owner if owner != backend else self._names[channel.name]
        self.why.append(f"{channel.name} is read by {first} already, so {backend} leaves it out")
        return False

    def _is_apart(self, backend: str, channel: Channel) -> bool:
        """Whether it, or what it lies in, is not to be measured; says so among the missing."""
        reason = self._apart.get(channel.physical_id)
        if reason is None and channel.contained_in in self._left_out:
            reason = f"it lies in {channel.contained_in}, which is left out"
        if reason is None:
            return False
        self._left_out.add(channel.name)
        self.missing.append(Missing(backend, channel.name, reason, APART_REMEDY))
        return True


def open_channels(
    backends: Sequence[Provided[EnergyBackend]],
    wanted: Literal["auto"] | Sequence[str] = "auto",
    apart: Mapping[str, str] | None = None,
) -> Opened:
    """Opens this host's channels with `wanted` backends, in their order.

    "auto" asks every measuring backend that is not on request, and takes estimates only if none
    of them has a channel. Named backends are opened exactly; one that has no channel here, or a
    name nobody provides, is an `EnergyError` that says what would help. `apart`: physical devices
    that are not to be measured, by id, each with the reason: their channels are missing ones.
    """
    opening = _Opening(apart or {})
    estimated = False
    if wanted == "auto":
        estimated = _automatic(opening, backends)
    else:
        chosen = _named(backends, [wanted] if isinstance(wanted, str) else wanted)
        for backend in chosen:
            if not opening.open(backend):
                for reader in opening.readers:
                    reader.close()
                raise _nothing_from(backend.name, opening.missing)
        estimated = bool(chosen) and not any(backend.value.measured for backend in chosen)
    return Opened(
        readers=tuple(opening.readers),
        missing=tuple(opening.missing),
        estimated=estimated,
        backends=tuple(opening.backends),
        why=tuple(opening.why),
    )


def _automatic(opening: _Opening, backends: Sequence[Provided[EnergyBackend]]) -> bool:
    """Whether it came to an estimate."""
    for backend in backends:
        if backend.value.measured and not backend.value.on_request:
            opening.open(backend)
    if opening.readers:
        return False
    opening.why.append("no meter answers on this host: energies are estimates")
    for backend in backends:
        if not backend.value.measured and not backend.value.on_request:
            opening.open(backend)
    return bool(opening.readers)


def _named(
    backends: Sequence[Provided[EnergyBackend]], names: Sequence[str]
) -> list[Provided[EnergyBackend]]:
    offered = {backend.name: backend for backend in backends}
    for name in names:
        if name not in offered:
            near = get_close_matches(name, offered, 1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise EnergyError(
                f"there is no energy backend {name!r}",
                f"{hint}available: {', '.join(sorted(offered))}; see `greenbench plugins`",
            )
    return [offered[name] for name in dict.fromkeys(names)]


def _nothing_from(backend: str, missing: Sequence[Missing]) -> EnergyError:
    own = [m for m in missing if m.backend == backend]
    reasons = "\n".join(f"  {m.channel}: {m.reason}" for m in own) or "  it says nothing about why"
    remedies = dict.fromkeys(m.remedy for m in own if m.remedy)
    hint = "\n".join([*remedies, 'or let greenbench choose: energy = "auto"'])
    return EnergyError(
        f"the energy backend {backend!r} reads nothing on this host:\n{reasons}", hint
    )
