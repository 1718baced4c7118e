"""Physical CPUs (src/cpu.c)."""

from __future__ import annotations

from typing import Any

from model.machine import NULL, Cpu, Machine
from model.source import source

CPU_C = "src/cpu.c"
NO_CPU_INDEX = 0xFFFF


@source(CPU_C)
def cpu_index(m: Machine, cpu: Any) -> int:
    """The index of a CPU.  For NULL, the C computes a number that is no CPU's index."""
    if cpu == NULL:
        return NO_CPU_INDEX
    return int(cpu.index)  # L143


@source(CPU_C)
def cpu_on(m: Machine, cpu: Cpu) -> bool:
    """Mark the CPU as on; whether it was already."""
    m.lock(cpu)  # L161
    prev = bool(cpu.is_on)  # L162
    cpu.is_on = True  # L163
    m.unlock(cpu)  # L164
    return prev  # L166


@source(CPU_C)
def cpu_off(m: Machine, cpu: Cpu) -> None:
    """Mark the CPU as off and its secure partitions as not initialised."""
    m.lock(cpu)  # L174
    cpu.is_on = False  # L175
    cpu.last_sp_initialized = False  # L176
    m.unlock(cpu)  # L177
