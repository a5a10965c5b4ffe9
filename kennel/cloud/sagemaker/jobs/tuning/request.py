"""Read a tuning job's request: its ranges, and the training job request of each trial."""

from collections.abc import Iterator

from kennel.cloud.runtime.store import Json
from kennel.cloud.sagemaker.handlers import not_emulated


def ranges_of(config: Json) -> Iterator[tuple[str, Json]]:
    """Yield (Integer, Continuous or Categorical; the range) for each tuned hyperparameter."""
    ranges = config.get("ParameterRanges", {})
    if ranges.get("AutoParameters"):
        raise not_emulated("AutoParameters of CreateHyperParameterTuningJob")
    for kind in ("Integer", "Continuous", "Categorical"):
        for each in ranges.get(f"{kind}ParameterRanges", []):
            yield kind, each


def training_request(definition: Json, name: str, hyperparameters: dict[str, str]) -> Json:
    """Return the CreateTrainingJob request of one trial.

    Parameters
    ----------
    definition
        TrainingJobDefinition of the tuning job.
    """
    copied = {
        key: value
        for key, value in definition.items()
        if key
        not in {
            "StaticHyperParameters",
            "DefinitionName",
            "TuningObjective",
            "HyperParameterTuningResourceConfig",
        }
    }
    if resources := definition.get("HyperParameterTuningResourceConfig"):
        copied["ResourceConfig"] = _resource_config(resources)
    return {**copied, "TrainingJobName": name, "HyperParameters": hyperparameters}


def _resource_config(resources: Json) -> Json:
    """Return the ResourceConfig of a trial: the first of the instance types in order of priority.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_HyperParameterTuningResourceConfig.html
    """
    chosen = (resources.get("InstanceConfigs") or [resources])[0]
    members = ("InstanceType", "InstanceCount", "VolumeSizeInGB", "VolumeKmsKeyId")
    return {name: (resources | chosen)[name] for name in members if name in resources | chosen}
