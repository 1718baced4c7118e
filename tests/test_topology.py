"""Topologies: the built-in ones, and those that users describe."""

from __future__ import annotations

from pathlib import Path

import pytest

from model.topology import BUILT_IN
from model.topology_file import TopologyError, load_topology
from model.values import InterruptAction

GOOD = """
version = 1
name = "mine"
cpus = 2

[[partition]]
id = 0x8002
boot_order = 2
lifecycle_support = true
interrupts = [41]

[[partition]]
id = 0x8001
vcpus = "MP"
boot_order = 1
cpu_off_subscribed = true
ns_interrupts_action = "SIGNALED"
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "topology.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_partitions_come_in_boot_order_and_the_other_world_last(tmp_path: Path) -> None:
    topology = load_topology(write(tmp_path, GOOD))
    assert [p.id for p in topology.partitions] == [0x8001, 0x8002, 0x0]
    first, second, other_world = topology.partitions
    assert (first.vcpu_count, second.vcpu_count, other_world.vcpu_count) == (2, 1, 2)
    assert first.ns_interrupts_action is InterruptAction.SIGNALED
    assert second.interrupts == (41,)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("version = 1", "version = 2", "version"),
        ("cpus = 2", "cpus = 0", "cpus"),
        ("cpus = 2", "cpus = 99", "cpus"),
        ("cpus = 2", 'cpus = "two"', "cpus"),
        ('name = "mine"', 'name = "2x2"', "built-in"),
        ('name = "mine"', 'name = "<script>"', "name"),
        ("id = 0x8002", "id = 0x8001", "used twice"),
        ("id = 0x8002", "id = 2", "id"),
        ("interrupts = [41]", "interrupts = [4]", "interrupts"),
        ("interrupts = [41]", "interupts = [41]", "interupts"),
        ("lifecycle_support = true", 'lifecycle_support = true\nvcpus = "MP"', "lifecycle_support"),
        ("lifecycle_support = true", "cpu_off_subscribed = true", "CPU_OFF"),
        ("version = 1", "version = ", "not a TOML file"),
    ],
)
def test_a_malformed_topology_is_refused_whole_in_one_sentence(tmp_path: Path, old: str, new: str, said: str) -> None:
    path = write(tmp_path, GOOD.replace(old, new))
    with pytest.raises(TopologyError) as refusal:
        load_topology(path)
    message = str(refusal.value)
    assert said in message
    assert str(path) in message
    assert "\n" not in message


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TopologyError, match="cannot be read"):
        load_topology(tmp_path / "absent.toml")


def test_small_and_large_topologies_are_built_in() -> None:
    assert {"1x2", "2x1-mp", "2x1-up", "2x2", "4x4", "8x8", "hypervisor-2x1"} <= set(BUILT_IN)
    assert all(name == topology.name for name, topology in BUILT_IN.items())
