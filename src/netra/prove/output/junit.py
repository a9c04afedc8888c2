"""A verdict as JUnit XML: one case for each promise and each fault, so that a build server shows which one failed."""

from xml.etree import ElementTree as ET

from netra.prove.verdict import Judgement


def write(verdict: Judgement) -> str:
    """One suite; a promise that was broken is a failure, a fault that bit nobody an error."""
    broken = sum(1 for _, count in verdict.promises.values() if count)
    harmless = [fault for fault in verdict.faults if not fault.bites]
    suite = ET.Element(
        "testsuite",
        name="netra prove",
        tests=str(len(verdict.promises) + len(verdict.not_applicable) + len(verdict.faults)),
        skipped=str(len(verdict.not_applicable)),
        failures=str(broken),
        errors=str(len(harmless)),
        time=f"{verdict.seconds:.3f}",
    )
    for name, (promise, count) in verdict.promises.items():
        case = ET.SubElement(suite, "testcase", classname="netra.prove.promises", name=name)
        if count:
            failure = ET.SubElement(case, "failure", message=promise)
            failure.text = "\n".join(_printable(each.witness) for each in verdict.breaches if each.checker == name)
    for name, (_, lacks) in verdict.not_applicable.items():
        case = ET.SubElement(suite, "testcase", classname="netra.prove.promises", name=name)
        ET.SubElement(case, "skipped", message=f"not applicable: the server lacks {', '.join(lacks)}")
    for fault in verdict.faults:
        case = ET.SubElement(suite, "testcase", classname="netra.prove.faults", name=fault.name)
        if not fault.bites:
            ET.SubElement(case, "error", message="it was injected and bit nobody, so nothing is proved by it")
    return ET.tostring(suite, encoding="unicode", xml_declaration=True)


def _printable(text: str) -> str:
    """Without the control characters that XML cannot hold."""
    return "".join(each if each in "\t\n" or each >= " " else "\N{REPLACEMENT CHARACTER}" for each in text)
