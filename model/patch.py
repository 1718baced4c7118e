"""The hunks of the modelled patch (upstream commit e624cb1172df), as facts: where, and what they do.

Line numbers are those after the patch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

NO_FLAG: Final = "no VM has a flag `aborting`"


@dataclass(frozen=True, slots=True)
class Hunk:
    """One hunk: the lines `first` to `last` that it changed, and those of its statements that executions can pass.

    A hunk that only removes lines has changed none: `last` is the line before, `first` the one after.
    `branches` are unchanged lines that show which way a changed condition went.
    A hunk without statements names in `model_fact` what of the model accounts for it.
    """

    id: str
    file: str
    function: str
    first: int
    last: int
    text: str
    statements: tuple[int, ...] = ()
    branches: tuple[int, ...] = ()
    model_fact: str = ""


API_C = "src/api.c"
CPU_CYCLES_C = "src/ffa/spmc/cpu_cycles.c"

HUNKS: Final = (
    Hunk(
        "H01",
        API_C,
        "api_vcpu_prepare_run",
        1224,
        1224,
        "Declares the variable that holds the target VM's state.",
        model_fact="`match vcpu.vm.state` needs no variable",
    ),
    Hunk(
        "H02",
        API_C,
        "api_vcpu_prepare_run",
        1239,
        1239,
        "FFA_RUN takes the VM lock for a vCPU in state CREATED as well, because it may write the VM's state.",
        (1239,),
        (1246,),
    ),
    Hunk(
        "H03",
        API_C,
        "api_vcpu_prepare_run",
        1256,
        1290,
        "FFA_RUN looks at the target VM's state before the vCPU's. NULL: invalid parameters. CREATED: a vCPU of a VM "
        "goes on, that of an SP is busy. ABORTING: the vCPU becomes ABORTED, unless it is NULL, STOPPED or ABORTED. "
        "RUNNING: goes on.",
        (1256, 1260, 1269, 1272, 1276, 1281),
    ),
    Hunk(
        "H04",
        API_C,
        "api_vcpu_prepare_run",
        1316,
        1315,
        "Removes the test of the flag that came after the test for a vCPU running elsewhere; H03 moves it before that.",
        model_fact=NO_FLAG,
    ),
    Hunk(
        "H05",
        API_C,
        "api_vcpu_prepare_run",
        1345,
        1355,
        "The first FFA_RUN of a VM's vCPU on CPU 0 moves the VM to RUNNING, and ignores whether that was possible.",
        (1345, 1353, 1354),
    ),
    Hunk(
        "H06",
        API_C,
        "api_ffa_msg_send_direct_req",
        2975,
        3001,
        "A direct request looks at the receiver VM's state before the vCPU's. NULL: invalid parameters. CREATED: busy. "
        "ABORTING: the vCPU is moved to ABORTED, unless it is NULL, ABORTED or STOPPED, and must be movable. "
        "RUNNING: goes on.",
        (2975, 2977, 2980, 2983, 2990),
    ),
    Hunk(
        "H07",
        API_C,
        "api_ffa_msg_send_direct_req",
        3024,
        3023,
        "Removes the test of the flag that came after the runtime model's; H06 moves it before the test for a busy "
        "receiver.",
        model_fact=NO_FLAG,
    ),
    Hunk(
        "H08",
        "src/arch/aarch64/hypervisor/handler.c",
        "ffa_partition_abort",
        1131,
        1131,
        "An abort moves the VM to ABORTING, which must be possible, where it set the flag.",
        (1131,),
    ),
    Hunk(
        "H09",
        "src/arch/aarch64/plat/psci/spmc.c",
        "plat_psci_cpu_resume",
        161,
        168,
        "On CPU 0, the vCPU's lock is released and taken again after the VM's, and the VM is moved to RUNNING, "
        "whether that is possible or not.",
        (163, 164, 165, 166, 167),
    ),
    Hunk(
        "H10",
        CPU_CYCLES_C,
        "sp_boot_next",
        293,
        293,
        "Reads the VM's state where it read the flag, to log a successful initialisation only if it was one. "
        "The model has no log: it passes here whatever the state.",
        (293,),
    ),
    Hunk(
        "H11",
        CPU_CYCLES_C,
        "sp_boot_next",
        302,
        302,
        "Uses the CPU index that was already computed.",
        (302,),
        (303, 306),
    ),
    Hunk(
        "H12",
        CPU_CYCLES_C,
        "sp_boot_next",
        333,
        344,
        "Takes the next VM's lock before its vCPU's. On CPU 0, a VM whose vCPU is CREATED is moved to RUNNING, whether "
        "that is possible or not. The VM's lock is released before the vCPU is moved to STARTING.",
        (335, 338, 340, 343),
    ),
    Hunk(
        "H13",
        CPU_CYCLES_C,
        "ffa_cpu_cycles_error_32",
        861,
        861,
        "FFA_ERROR(ABORTED) during initialisation moves the VM to ABORTING, which must be possible, where it set "
        "the flag.",
        (861,),
    ),
    Hunk(
        "H14",
        "src/ffa/spmc/interrupts.c",
        "ffa_interrupts_handle_secure_interrupt",
        466,
        466,
        "Drops a secure interrupt whose target VM is ABORTING, where it tested the flag.",
        (466,),
        (468, 475),
    ),
    Hunk(
        "H15",
        "src/load.c",
        "load_primary",
        423,
        423,
        "The primary VM, once loaded, is moved to CREATED.",
        (423,),
    ),
    Hunk(
        "H16",
        "src/load.c",
        "load_secondary",
        857,
        857,
        "A secondary VM or SP, once loaded, is moved to CREATED.",
        (857,),
    ),
    Hunk(
        "H17",
        "src/vm.c",
        "vm_init",
        89,
        88,
        "Removes the initialisation of the flag.",
        model_fact=NO_FLAG,
    ),
    Hunk(
        "H18",
        "inc/hf/vm.h",
        "struct vm",
        243,
        242,
        "Removes the flag.",
        model_fact=NO_FLAG,
    ),
)

SHIFTS: Final = {
    API_C: ((1225, 1), (1240, 2), (1291, 37), (1316, 27), (1347, 29), (1356, 32), (3002, 59), (3022, 45)),
    "src/arch/aarch64/hypervisor/handler.c": ((1132, -1),),
    "src/arch/aarch64/plat/psci/spmc.c": ((169, 8),),
    CPU_CYCLES_C: ((294, -1), (303, -1), (334, 0), (336, 1), (345, 9), (862, 7)),
    "src/ffa/spmc/interrupts.c": ((467, -1),),
    "src/load.c": ((424, 1), (858, 2)),
    "src/vm.c": ((89, -1),),
}
"""From a line on, how much further down unchanged lines are than before the patch."""

MOVED_CHECKS: Final = {f"{API_C}:2991": f"{API_C}:2975"}
"""Checks that the patch moved: where they are, and where they were."""


def place_before(where: str) -> str:
    """Where a check was before the patch; what is no `file:line` of a patched file stays as it is."""
    file, _, line = where.rpartition(":")
    if where in MOVED_CHECKS or file not in SHIFTS:
        return MOVED_CHECKS.get(where, where)
    shift = max((shift for shift in SHIFTS[file] if shift[0] <= int(line)), default=(0, 0))[1]
    return f"{file}:{int(line) - shift}"
