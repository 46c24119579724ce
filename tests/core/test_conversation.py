"""The host believes a worker only what it may say next, in time and in bounds."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenbench import conversation as conversations
from greenbench import protocol
from greenbench.api import Share, Unused
from greenbench.conversation import STAMP_LIMIT_S, Conversation, ProtocolError

GOOD = [
    ("hello", {"protocol": protocol.VERSION}),
    ("prepare_begin", {}),
    ("prepare_end", {}),
    ("ready", {"environment": {"torch": "2"}}),
    ("train_begin", {}),
    ("epoch_begin", {"number": 1}),
    ("epoch_end", {"number": 1, "metrics": {"loss": 0.5}}),
    ("validation_begin", {"number": 1}),
    ("validation_end", {"number": 1, "metrics": {"loss": math.nan}}),
    ("train_end", {}),
    ("test_begin", {"number": 1}),
    ("test_end", {"number": 1}),
    ("result", {"metrics": {"accuracy": 0.9}, "effective": {"epochs": 1}}),
]


def say(conversation: Conversation, kind: str, payload=None, *, at: float, received=None):
    line = protocol.encode(kind, {"stamp_s": at, **(payload or {})})
    events = conversation.feed(line, at + 0.01 if received is None else received)
    if kind == "ready":
        conversation.release()
    return events


def until(kind: str) -> Conversation:
    """A conversation that has gone well up to and with the first `kind`."""
    conversation = Conversation()
    for number, (said, payload) in enumerate(GOOD):
        say(conversation, said, payload, at=float(number))
        if said == kind:
            break
    return conversation


def test_a_whole_training_gives_windows_and_results() -> None:
    conversation = until("result")
    assert conversation.state == "done"
    assert conversation.metrics == {"accuracy": 0.9}
    kinds = [(w.kind, w.number, w.end_s - w.start_s) for w in conversation.windows]
    assert kinds == [
        ("prepare", 0, 1.0),
        ("epoch", 1, 1.0),
        ("validation", 1, 1.0),
        ("train", 0, 5.0),
        ("test", 1, 1.0),
    ]


def test_the_configuration_in_effect_arrives_as_it_was_told() -> None:
    conversation = until("test_end")
    told = {
        "epochs": 3,
        "rate": math.inf,
        "share": Share(count=13, total=130, least=1),
        "warmup": (Share(count=1, total=9), Share(count=2, total=20)),
        "gamma": Unused(0.7),
        "unread": Unused(Share(count=3, total=4, least=1)),
    }
    say(conversation, "result", {"metrics": {}, "effective": told}, at=50.0)
    assert conversation.effective == told | {"rate": "inf"}


@given(cuts=st.lists(st.integers(1, 1200), max_size=20))
def test_how_the_bytes_are_cut_changes_nothing(cuts: list[int]) -> None:
    whole, parts = Conversation(), Conversation()
    data = b"".join(
        protocol.encode(kind, {"stamp_s": 0.5, **payload}) for kind, payload in GOOD[:4]
    )
    edges = [0, *sorted(c for c in cuts if c < len(data)), len(data)]
    expected = whole.feed(data, 1.0)
    got = [e for a, b in pairwise(edges) for e in parts.feed(data[a:b], 1.0)]
    assert got == expected
    assert parts.state == whole.state == "ready"


@pytest.mark.parametrize(
    ("after", "kind", "payload"),
    [
        ("hello", "train_begin", {}),
        ("prepare_end", "train_begin", {}),
        ("train_begin", "epoch_end", {"number": 1}),
        ("epoch_begin", "epoch_begin", {"number": 2}),
        ("epoch_begin", "epoch_end", {"number": 2}),
        ("epoch_begin", "result", {"metrics": {}, "effective": {}}),
        ("train_end", "epoch_begin", {"number": 2}),
        ("train_end", "result", {"metrics": {"accuracy": [1]}, "effective": {}}),
        ("train_end", "result", {"metrics": {"accuracy": "high"}, "effective": {}}),
        ("test_end", "result", {"metrics": {}, "effective": {"share": {"count": 1}}}),
        (
            "test_end",
            "result",
            {"metrics": {}, "effective": {"share": {"count": -1, "total": 1, "least": 0}}},
        ),
        (
            "test_end",
            "result",
            {"metrics": {}, "effective": {"share": {"count": 2**80, "total": 1, "least": 0}}},
        ),
        ("test_end", "result", {"metrics": {}, "effective": {"share": ()}}),
        ("test_end", "result", {"metrics": {}, "effective": {"share": (1,)}}),
        ("test_end", "result", {"metrics": {}, "effective": {"gamma": {"held": {}}}}),
        ("test_end", "result", {"metrics": {}, "effective": {"x" * 101: {"held": 1}}}),
        ("train_end", "result", {}),
        ("train_begin", "epoch_begin", {"number": -1}),
        ("train_begin", "epoch_begin", {"number": "1"}),
        ("result", "result", {"metrics": {}, "effective": {}}),
        ("result", "error", {"error_kind": "x", "message": "y"}),
        ("hello", "shutdown", {}),
    ],
)
def test_what_may_not_be_said_now_is_refused(after: str, kind: str, payload: dict) -> None:
    conversation = until(after)
    with pytest.raises(ProtocolError):
        say(conversation, kind, payload, at=50.0)


def test_training_before_go_is_refused() -> None:
    conversation = Conversation()
    for number, (kind, payload) in enumerate(GOOD[:4]):
        line = protocol.encode(kind, {"stamp_s": float(number), **payload})
        conversation.feed(line, number + 0.01)
    with pytest.raises(ProtocolError):
        say(conversation, "train_begin", at=5.0)


@pytest.mark.parametrize(
    ("at", "received"),
    [
        (2.0, 50.0),  # long before its receipt
        (50.0, 49.0),  # in the future
        (3.0, 3.01),  # before the event that came before it
    ],
)
def test_stamps_in_the_past_the_future_or_out_of_order_are_refused(at, received) -> None:
    conversation = until("train_begin")
    with pytest.raises(ProtocolError, match="stamped"):
        say(conversation, "epoch_begin", {"number": 1}, at=at, received=received)


def test_a_stamp_within_the_limit_is_taken() -> None:
    conversation = until("train_begin")
    say(conversation, "epoch_begin", {"number": 1}, at=9.0, received=9.0 + STAMP_LIMIT_S)
    assert conversation.state == "in_epoch"


@pytest.mark.parametrize(
    "data",
    [b"not json\n", b"[1]\n", b"{}\n", b'{"kind": 3}\n', b"\xff\xfe\n", b"[" * 60_000 + b"\n"],
)
def test_what_is_not_a_message_is_refused(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        Conversation().feed(data, 1.0)


def test_a_line_without_an_end_is_refused_before_it_fills_memory() -> None:
    conversation = Conversation()
    with pytest.raises(ProtocolError, match="longer than"):
        any(conversation.feed(b"x" * 4096, 1.0) for _ in range(100))


def epochs(first: int, last: int) -> bytes:
    """The events of epochs that end at once."""
    return b"".join(
        protocol.encode(kind, {"stamp_s": 9.0, "number": number})
        for number in range(first, last + 1)
        for kind in ("epoch_begin", "epoch_end")
    )


def test_a_flood_of_events_ends(monkeypatch) -> None:
    monkeypatch.setattr(protocol, "MAX_EVENTS", 1_000)
    conversation = until("train_begin")
    said = len(GOOD[: [kind for kind, _ in GOOD].index("train_begin") + 1])
    room = (1_000 - said) // 2
    assert len(conversation.feed(epochs(1, room), 9.0)) == 2 * room
    with pytest.raises(ProtocolError, match="more than 1000 events"):
        conversation.feed(epochs(room + 1, room + 1), 9.0)


def test_of_too_many_epochs_every_event_is_heard_and_the_first_are_windows(monkeypatch) -> None:
    monkeypatch.setattr(conversations, "MAX_WINDOWS", 100)
    conversation = until("train_begin")
    assert len(conversation.feed(epochs(1, 250), 9.0)) == 500
    say(conversation, "train_end", at=9.5)
    numbers = [w.number for w in conversation.windows if w.kind == "epoch"]
    assert numbers == list(range(1, 101))
    assert conversation.left_out == 150
    assert conversation.window("train").end_s == 9.5


def test_an_old_worker_is_told_to_be_rebuilt() -> None:
    with pytest.raises(ProtocolError, match="images build"):
        say(Conversation(), "hello", {"protocol": 0}, at=0.0)


@given(st.lists(st.sampled_from([kind for kind, _ in GOOD] + ["error", "log", "exit"])))
def test_whatever_is_said_in_whatever_order_nothing_but_a_refusal_comes_out(kinds) -> None:
    payloads = dict(GOOD) | {"error": {"error_kind": "exception", "message": "x"}}
    conversation = Conversation()
    for number, kind in enumerate(kinds):
        try:
            say(conversation, kind, payloads.get(kind), at=float(number))
        except ProtocolError:
            break
    trains = [w for w in conversation.windows if w.kind == "train"]
    assert len(trains) <= 1
