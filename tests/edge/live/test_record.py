"""What shadows said survives, also the step from a state file of an earlier release."""

from contextlib import closing
from pathlib import Path

from edge.disk import Disk
from edge.live.record import Change, Heard, Record, changes
from edge.live.tally import Compared
from edge.statefile import NAME, SCHEMA, open_file, open_to_read
from edge.store.state import Place

PLACE, OTHER = Place("st1", "*"), Place("st2", "*")


def heard(number: int, place: Place = PLACE, sha256: str = "a" * 64) -> Heard:
    one = Compared(f"st1-{number}-7", "ok", "defect rub", 12.5, 11.5, "")
    return Heard(place, sha256, one, judged_ns=number * 1000)


async def test_a_state_file_of_the_first_schema_takes_comparisons(tmp_path: Path) -> None:
    with closing(open_file(tmp_path / NAME, "FULL", SCHEMA[:1])) as connection:
        connection.execute("INSERT INTO station VALUES ('st1', 5)")
    async with Disk(tmp_path / NAME) as disk:
        assert await disk.do(lambda c: c.execute("SELECT name FROM station").fetchall()) == [
            ("st1",)
        ]
        record = Record(disk, lambda *_: None)
        record.heard(heard(1))
        await record.flush()
        assert await record.of(PLACE, "a" * 64, 0, 10) == [heard(1).one]


async def test_the_last_ones_of_a_place_and_bundle_since_then_come_back(tmp_path: Path) -> None:
    async with Disk(tmp_path / NAME) as disk:
        record = Record(disk, lambda *_: None)
        for number in range(1, 8):
            record.heard(heard(number))
        record.heard(heard(8, OTHER))
        record.heard(heard(9, PLACE, "b" * 64))
        await record.flush()
        found = await record.of(PLACE, "a" * 64, since_ns=3000, count=3)
        assert [one.id for one in found] == ["st1-5-7", "st1-6-7", "st1-7-7"]
        found = await record.of(PLACE, "a" * 64, since_ns=6000, count=3)
        assert [one.id for one in found] == ["st1-6-7", "st1-7-7"]
        await record.sweep(7000)
        assert len(await record.of(PLACE, "a" * 64, 0, 10)) == 1


async def test_changes_are_read_beside_the_daemon_newest_first(tmp_path: Path) -> None:
    made = [
        Change(number, PLACE, "active", f"motor 1.{number}.0", "motor 1.0.0", "fault", "it failed")
        for number in (1, 2, 3)
    ]
    async with Disk(tmp_path / NAME) as disk:
        record = Record(disk, lambda *_: None)
        for one in made:
            record.changed(one)
        await record.flush()
        with closing(open_to_read(tmp_path / NAME)) as connection:
            assert list(changes(connection, 2)) == [made[2], made[1]]
