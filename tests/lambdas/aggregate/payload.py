"""Payload that makes `aggregate` do all it can do: read the records of pages, count."""

from aggregate.counting import LOOK_FIRST_EVENTS
from tests.support.samples import event_text, stream_batch

PAYLOAD = stream_batch([event_text(str(number)) for number in range(LOOK_FIRST_EVENTS)])
