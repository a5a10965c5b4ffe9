"""All checks, one after the other; none keeps another from being made."""

from collections.abc import Callable, Iterable, Iterator

from botocore.exceptions import BotoCoreError, ClientError

from kennel.aws import Connect, are_credentials, sentence
from kennel.deployed import Deployed, find
from kennel.deployment import Deployment
from kennel.preflight import account, names, network
from kennel.preflight.findings import Finding, Level, unknown
from kennel.preflight.quotas import quotas

Check = Callable[[], Iterable[Finding]]


def findings(wanted: Deployment, connect: Connect) -> Iterator[Finding]:
    """Yield what each check says, as it says it.

    Parameters
    ----------
    wanted
        What is to be deployed.
    connect
        The operator's clients.

    A call that is refused or not answered makes its check UNKNOWN, with the reason; credentials
    that AWS does not take block, and no other check asks AWS then.
    """
    try:
        yield account.credentials(connect)
    except (ClientError, BotoCoreError) as error:
        level = Level.BLOCKS if are_credentials(error) else Level.UNKNOWN
        yield Finding("credentials", level, *_split(sentence(error)))
        if level is Level.BLOCKS:
            yield Finding("the account", Level.UNKNOWN, "every other check needs credentials")
            return
    try:
        deployed = find(connect, wanted.stack_name)
    except (ClientError, BotoCoreError) as error:
        deployed = None
        yield unknown(f"stack {wanted.stack_name}", error)
    else:
        yield from names.stack(wanted, deployed)
    for title, check in _checks(wanted, deployed, connect):
        try:
            yield from check()
        except (ClientError, BotoCoreError) as error:
            yield unknown(title, error)


def _checks(
    wanted: Deployment, deployed: Deployed | None, connect: Connect
) -> Iterator[tuple[str, Check]]:
    yield "names", lambda: names.names(wanted, deployed, connect)
    yield "Lambda concurrency", lambda: account.concurrency(wanted, deployed, connect)
    yield "SageMaker quotas", lambda: quotas(wanted, connect)
    yield "API Gateway log role", lambda: account.log_role(wanted, connect)
    yield "network", lambda: network.network(wanted, connect)


def _split(text: str) -> tuple[str, str]:
    found, _, remedy = text.partition(": ")
    return found, remedy
