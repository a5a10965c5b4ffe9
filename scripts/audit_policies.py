"""Let parliament look at IAM policies: .venv-lint/bin/python scripts/audit_policies.py < policies.

Standard input is {"name": policy document}, standard output a list of what it finds, each as
{"policy", "issue", "severity", "detail", "location"}. It runs in .venv-lint, since parliament
needs packages of its own; tests/iam/test_linters.py hands it the template's roles.
"""

import json
import sys

import parliament


def main() -> None:
    """Read policies, write findings."""
    findings = []
    for name, policy in json.load(sys.stdin).items():
        for each in parliament.analyze_policy_string(json.dumps(policy)).findings:
            detail = parliament.enhance_finding(each)
            findings.append(
                {
                    "policy": name,
                    "issue": each.issue,
                    "severity": detail.severity,
                    "detail": each.detail,
                    "location": each.location,
                }
            )
    json.dump(findings, sys.stdout, default=str)


if __name__ == "__main__":
    main()
