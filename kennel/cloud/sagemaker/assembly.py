"""Construct the SageMaker emulator: handlers for all actions over one store."""

from kennel.cloud.runtime.faults import Faults
from kennel.cloud.runtime.store import Store
from kennel.cloud.sagemaker.endpoints.api import Endpoints
from kennel.cloud.sagemaker.endpoints.configs import EndpointConfigs
from kennel.cloud.sagemaker.endpoints.images import ImageResolver, ManifestType
from kennel.cloud.sagemaker.endpoints.models import Models
from kennel.cloud.sagemaker.handlers import merge_handlers
from kennel.cloud.sagemaker.jobs.context import JobContext
from kennel.cloud.sagemaker.jobs.states import Publish, discard_event
from kennel.cloud.sagemaker.jobs.training.api import TrainingJobs
from kennel.cloud.sagemaker.jobs.transform.api import TransformJobs
from kennel.cloud.sagemaker.jobs.tuning.api import TuningJobs
from kennel.cloud.sagemaker.listing import Listings
from kennel.cloud.sagemaker.protocol import SageMaker
from kennel.cloud.sagemaker.registry import Registry
from kennel.cloud.sagemaker.rollback_alarms import RollbackRoles
from kennel.cloud.sagemaker.search import Search
from kennel.cloud.sagemaker.tags import Tags


def build_sagemaker(  # noqa: PLR0917 - one construction, from the parts of the whole cloud
    store: Store,
    context: JobContext,
    endpoints: Endpoints,
    faults: Faults,
    resolve_image: ImageResolver,
    publish: Publish = discard_event,
    manifest_type: ManifestType | None = None,
    rollback_roles: RollbackRoles | None = None,
) -> SageMaker:
    """Return the emulator.

    Parameters
    ----------
    context
        The account, clock and log folder of jobs.
    endpoints
        Stopped with the emulator; the caller starts them.
    resolve_image
        Returns the command of a model's image, for transform jobs.
    publish
        Receives an event for each change of a job's state.
    manifest_type
        Finds the type of an image's manifest, of which SageMaker refuses some.
    rollback_roles
        Refuses updates by the roles that read their alarms; None refuses none.
    """
    training = TrainingJobs(store, context, faults, publish)
    tuning = TuningJobs(store, context.clock, training, faults, publish)
    transform = TransformJobs(store, context, faults, resolve_image, publish)
    tags = Tags(store)
    groups = (
        Models(store, context.clock, manifest_type),
        EndpointConfigs(store, context.clock),
        endpoints,
        training,
        tuning,
        transform,
        Registry(store, context.clock),
        Listings(store),
        Search(store),
        tags,
    )
    handlers = merge_handlers(group.handlers() for group in groups)
    if rollback_roles:
        handlers["UpdateEndpoint"] = rollback_roles.checked(handlers["UpdateEndpoint"])
    # Tuning jobs stop first: they would start further training jobs.
    stops = (tuning.stop, training.stop, transform.stop, endpoints.stop)
    return SageMaker(handlers, endpoints, tags, faults, stops=stops)
