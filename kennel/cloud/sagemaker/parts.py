"""The stand-in's parts for jobs, the registry and lists, put together."""

from kennel.cloud.runtime.faults import Faults
from kennel.cloud.runtime.store import Store
from kennel.cloud.sagemaker.endpoints.instance import Images, no_images
from kennel.cloud.sagemaker.jobs.training.api import TrainingJobs
from kennel.cloud.sagemaker.jobs.training.record import Publish, tell_nobody
from kennel.cloud.sagemaker.jobs.training.run import Place
from kennel.cloud.sagemaker.jobs.transform.api import TransformJobs
from kennel.cloud.sagemaker.jobs.tuning.api import TuningJobs
from kennel.cloud.sagemaker.listing import Listings
from kennel.cloud.sagemaker.registry import Registry


def job_parts(
    store: Store,
    place: Place,
    faults: Faults,
    publish: Publish = tell_nobody,
    images: Images = no_images,
) -> list[object]:
    """Return all parts but the endpoints.

    Parameters
    ----------
    place
        What jobs run in: the account's clients, the clock, the folder of logs.
    publish
        Told of each change of a job's state, as EventBridge is.
    images
        What a model's image comes to on this machine.
    """
    training = TrainingJobs(store, place, faults, publish)
    return [
        TuningJobs(store, place.clock, training, faults, publish),  # it ends before its jobs do
        training,
        TransformJobs(store, place, faults, images, publish),
        Registry(store, place.clock),
        Listings(store),
    ]
