"""Run all checks, one after the other; a check that fails does not stop the others."""

from collections.abc import Callable, Iterable, Iterator

from botocore.exceptions import BotoCoreError, ClientError

from kennel.aws import Connect, is_about_credentials, sentence
from kennel.deployed import DeployedStack, find_stack
from kennel.deployment import Deployment
from kennel.preflight import account, names
from kennel.preflight.findings import Finding, Level, unknown
from kennel.preflight.quotas import quotas

Check = Callable[[], Iterable[Finding]]


def run_checks(deployment: Deployment, connect: Connect) -> Iterator[Finding]:
    """Yield the findings of all checks.

    A check whose call is refused or not answered is UNKNOWN, with the reason. Credentials that AWS
    rejects block, and no other check is made then.

    Parameters
    ----------
    deployment
        What is to be deployed.
    connect
        Makes clients of AWS's services.
    """
    try:
        yield account.credentials(connect)
    except (ClientError, BotoCoreError) as error:
        level = Level.BLOCKS if is_about_credentials(error) else Level.UNKNOWN
        yield Finding("credentials", level, *_split(sentence(error)))
        if level is Level.BLOCKS:
            yield Finding("the account", Level.UNKNOWN, "every other check needs credentials")
            return
    try:
        deployed = find_stack(connect, deployment.stack_name)
    except (ClientError, BotoCoreError) as error:
        deployed = None
        yield unknown(f"stack {deployment.stack_name}", error)
    else:
        yield from names.stack(deployment, deployed)
    for title, check in _checks(deployment, deployed, connect):
        try:
            yield from check()
        except (ClientError, BotoCoreError) as error:
            yield unknown(title, error)


def _checks(
    deployment: Deployment, deployed: DeployedStack | None, connect: Connect
) -> Iterator[tuple[str, Check]]:
    yield "names", lambda: names.names(deployment, deployed, connect)
    yield "Lambda concurrency", lambda: account.concurrency(deployment, deployed, connect)
    yield "quotas", lambda: quotas(deployment, connect)
    yield "API Gateway log role", lambda: account.log_role(deployment, connect)


def _split(text: str) -> tuple[str, str]:
    """Split a sentence into what was found and what to do."""
    problem, _, remedy = text.partition(": ")
    return problem, remedy
