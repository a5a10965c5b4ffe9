"""Names that moto's process and the gateway agree on."""

#: The environment variable with the access key that each call must be signed with; any if unset.
KEY_VARIABLE = "KENNEL_MOTO_KEY"
#: The header of an answer to a call in whose midst moto raised an exception: the exception.
FAILURE_HEADER = "x-kennel-moto-failure"
#: Where moto's process answers 200, or 503 with the reason why it cannot store what it holds.
HEALTH_PATH = "/kennel/health"
