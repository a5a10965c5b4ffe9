from common.environment import Environment
from common.scaling import Scaling, scalable_target


def test_each_variable_reaches_its_setting() -> None:
    scaling = Scaling.from_environment(
        Environment(
            {
                "MIN_INSTANCES": "1",
                "MAX_INSTANCES": "5",
                "TARGET_INVOCATIONS": "600",
                "SCALE_IN_COOLDOWN": "30",
                "SCALE_OUT_COOLDOWN": "31",
            }
        )
    )
    assert scaling == Scaling(
        min_instances=1,
        max_instances=5,
        target_invocations=600,
        scale_in_cooldown_s=30,
        scale_out_cooldown_s=31,
    )


def test_autoscaling_knows_the_variant_by_three_names() -> None:
    assert scalable_target("kennel") == {
        "ServiceNamespace": "sagemaker",
        "ResourceId": "endpoint/kennel/variant/AllTraffic",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }
