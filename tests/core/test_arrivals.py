"""A host that was away does not blame the worker; a worker that dates back is found out."""

from __future__ import annotations

import pytest

from greenbench import protocol
from greenbench.arrivals import IN_FLIGHT_BYTES, Arrivals
from greenbench.conversation import STAMP_LIMIT_S, Conversation, ProtocolError


def test_what_waited_while_the_host_was_away_came_in_time():
    arrivals, conversation = Arrivals(0.0), Conversation()
    arrivals.nothing_waits(10.0)
    hello = protocol.encode("hello", {"stamp_s": 10.1, "protocol": protocol.VERSION})
    back_s = 10.1 + 30 * STAMP_LIMIT_S  # from a commit on a slow disk
    (event,) = conversation.feed(hello, back_s, arrivals.earliest_s)
    assert (event.stamp_s, event.received_s) == (10.1, back_s)


def test_what_was_not_there_when_the_host_looked_was_not_said_before():
    arrivals, conversation = Arrivals(0.0), Conversation()
    arrivals.nothing_waits(20.0)
    hello = protocol.encode("hello", {"stamp_s": 10.1, "protocol": protocol.VERSION})
    with pytest.raises(ProtocolError, match=r"9\.900 s before it came"):
        conversation.feed(hello, 20.1, arrivals.earliest_s)


def test_who_never_stops_talking_can_date_back_no_further_than_a_socket_holds():
    arrivals = Arrivals(0.0)
    count = 4 * IN_FLIGHT_BYTES // protocol.READ_BYTES
    for number in range(count):
        arrivals.took(protocol.READ_BYTES, float(number))
    assert arrivals.earliest_s == count - 1 - IN_FLIGHT_BYTES // protocol.READ_BYTES
