"""The JUnit XML report of `prove-all --junit`, for CI servers: one test case for each obligation."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable
from itertools import groupby
from operator import attrgetter
from pathlib import Path

from junitparser import Error, Failure, JUnitXml, TestCase, TestSuite

from proofs.exit_codes import ExitCode, code_of
from proofs.files import write_atomically
from proofs.verdicts import Result

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_junit(path: Path, results: Iterable[Result]) -> None:
    """Write the report, whole or not at all.  Raises CommandError when the file cannot be written.

    A verdict that was expected passes, violations included; any other is a failure; what could not be decided
    is an error.
    """
    report = JUnitXml("prove-all")
    by_topology = attrgetter("obligation.topology")
    for topology, group in groupby(sorted(results, key=by_topology), by_topology):
        suite = TestSuite(topology)
        suite.add_testcases([_test_case(result) for result in group])
        report.add_testsuite(suite)
    report.update_statistics()
    content = io.BytesIO()
    report.write(content, pretty=True)
    write_atomically(path, content.getvalue())


def _test_case(result: Result) -> TestCase:
    obligation, evidence = result.obligation, result.evidence
    scope = f"{obligation.topology}.{obligation.granularity}.{obligation.variant}"
    case = TestCase(obligation.property, scope, evidence.seconds)
    message = _NOT_XML.sub("?", f"{result.verdict_text()}: {result.explanation or evidence.detail or evidence.method}")
    match code_of(result):
        case ExitCode.AS_EXPECTED:
            finding = f" as expected: finding {result.finding}" if result.finding else ""
            case.system_out = f"{result.verdict_text()} by {evidence.method}{finding}"
        case ExitCode.DEVIATION | ExitCode.VACUOUS:
            case.result = [Failure(message, result.verdict.value)]
        case _:
            case.result = [Error(message, result.verdict.value)]
    return case
