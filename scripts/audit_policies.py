"""Lint IAM policies with parliament: .venv-lint/bin/python scripts/audit_policies.py < policies.

Standard input is {"name": policy document}, standard output a list of findings, each with "policy",
"issue", "severity", "detail" and "location". It runs in .venv-lint, because parliament needs
packages of its own; tests/iam/test_linters.py passes it the template's roles.
"""

import json
import sys

import parliament


def main() -> None:
    """Read policies and write findings."""
    findings = []
    for name, policy in json.load(sys.stdin).items():
        for finding in parliament.analyze_policy_string(json.dumps(policy)).findings:
            enhanced = parliament.enhance_finding(finding)
            findings.append(
                {
                    "policy": name,
                    "issue": finding.issue,
                    "severity": enhanced.severity,
                    "detail": finding.detail,
                    "location": finding.location,
                }
            )
    json.dump(findings, sys.stdout, default=str)


if __name__ == "__main__":
    main()
