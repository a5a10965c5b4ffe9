from common.execution import Execution
from common.record import read_record, write_record
from tests.functions.aws_account import BUCKET, Account

EXECUTION = Execution("arn:aws:states:us-east-1:123456789012:execution:machine:one")


def test_first_record_stays() -> None:
    account = Account()
    write_record(account.s3, BUCKET, EXECUTION, {"scaling": {"target": {"MinCapacity": 2}}})
    write_record(account.s3, BUCKET, EXECUTION, {"scaling": None})  # a retry finds none any more
    assert read_record(account.s3, BUCKET, EXECUTION) == {"scaling": {"target": {"MinCapacity": 2}}}
    assert list(account.objects) == [f"releases/{EXECUTION.digest}.json"]
