"""A source that shows again what it showed before is known by it; for a while."""

from sensors.memory import MEMORY_NS, Memory

MS = 1_000_000


def test_what_was_shown_within_the_memory_is_known() -> None:
    memory = Memory()
    shown = [bytes([k]) for k in range(50)]
    assert not any(memory.knows(one, 10 * k * MS) for k, one in enumerate(shown))
    again = [memory.knows(one, (500 + 10 * k) * MS) for k, one in enumerate(shown)]
    assert again == ["before"] * 50


def test_what_was_shown_long_ago_is_forgotten() -> None:
    memory = Memory()
    assert not memory.knows(b"a", 0)
    assert not memory.knows(b"b", MEMORY_NS + 1)
    assert not memory.knows(b"a", MEMORY_NS + 2)
    assert memory.knows(b"a", MEMORY_NS + 3) == "just now"


def test_a_source_that_stays_stuck_stays_known() -> None:
    memory = Memory()
    assert not memory.knows(b"a", 0)
    seen = {memory.knows(b"a", k * MEMORY_NS // 3) for k in range(1, 100)}
    assert seen == {"just now"}
