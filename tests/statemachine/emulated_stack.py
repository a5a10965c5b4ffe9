"""The stack in memory: the functions' own code over `tests.functions.aws_account`."""

import hashlib
import json
import threading
from pathlib import Path
from typing import Any

from apply_autoscaling.policy import apply, refresh, remove
from clean_up.clients import Clients
from clean_up.rollback import CleanUpSettings, clean_up
from common.execution import Execution
from common.images import ServingImage
from common.training import Job, read_search_space
from ensure_image.build import ImageBuildSettings, ensure_image
from find_package.find import find_package
from judge.candidate import judge_package
from judge.verdict import AcceptanceCriteria
from preflight.checks import check
from preflight.clients import Clients as PreflightClients
from publish_breeds.breeds import publish_breeds
from publish_bundle.bundle import Bundle, publish
from register.package import register
from release.request import ReleaseRequest
from release.rollout import release
from smoke_test.probe import probe
from smoke_test.smoke import smoke_test
from start_training.training import start_training
from start_tuning.tuning import start_tuning
from tests.functions.aws_account import BUCKET, ENDPOINT, PROJECT, Account
from tests.functions.few_photos import few_photos
from tests.functions.model_package import evaluation, package
from tests.functions.preflight.test_checks import GOOD, quotas
from tests.functions.release.test_rollout import SETTINGS as RELEASE
from tests.functions.scaling import SCALING
from tests.functions.training import SETTINGS as TRAINING
from tests.functions.training import SPACE

Json = dict[str, Any]
RIGHT = {
    "model": "kennel@2",
    "is_dog": True,
    "breeds": [{"breed": "Bull Mastiff", "probability": 0.81}],
}
WRONG = {**RIGHT, "breeds": [{"breed": "Pug", "probability": 0.6}]}


class EmulatedStack:
    """An account, a bundle, and the template's functions over them."""

    def __init__(self, bundle: Path) -> None:
        self.account = Account(answer=RIGHT, polls=1)
        self.account.builds.images.add(Bundle.load(bundle).hash)
        self.evaluation = evaluation()  # of the next training job's candidate
        self.settings = GOOD
        self.scaling = SCALING
        self.release_settings = RELEASE
        self.account.on_start = self._write_package
        self.messages: list[Json] = []  # published to the topic
        #: Responses that replace those of a call, by its name; each is used once.
        self.responses: dict[str, list[Any]] = {}
        #: A call whose response is delayed until `resume`, so that the execution can be aborted.
        self.paused_call = ""
        self.paused = threading.Event()
        self.resume = threading.Event()
        self.calls: list[str] = []
        #: Concurrent executions of the account; an invocation beyond them is throttled.
        self.concurrency = threading.Semaphore(1000)
        self.invocation_s = 0.0  # how long each invocation takes
        self._bundle = bundle

    def upload_photos(self) -> None:
        """Upload photos of two breeds in three splits."""
        self.account.objects |= few_photos()

    def release(self) -> None:
        """Make a first release by calling the functions directly, which is quick."""
        bundle = self.invoke("PublishBundle", {})
        judgement = self.invoke("FindPackage", {"release": None, "bundle": bundle})
        candidate = judgement["candidate"]
        execution = {"Id": "arn:aws:states:us-east-1:123456789012:execution:kennel:first"}
        event = {"execution": execution, "judgement": judgement, "image": "uri:0"}
        version = self.invoke("Register", event)["package_arn"]
        released = self.invoke("Release", {**event, "candidate": candidate, "version": version})
        self.account.endpoints.settle()
        self.invoke("SmokeTest", {"candidate": candidate, "release": released})
        self.invoke("ApplyAutoscaling", {})

    def _write_package(self, job: str) -> None:
        key = f"models/{job}/output/model.tar.gz"
        if "-tune" not in job:
            self.account.objects[key] = package(self.evaluation)

    def invoke(self, name: str, event: Json) -> Json:  # noqa: PLR0912  # a branch for each function
        """Run a function's logic, as its app.py does."""
        account = self.account
        execution = Execution.from_context(event.get("execution", {"Id": ""}))
        sagemaker, autoscaling, s3 = account.sagemaker, account.autoscaling, account.s3
        match name:
            case "Preflight":
                preflight = PreflightClients(s3, sagemaker, account.ecr, quotas())
                return check(event["input"], self.settings, preflight)
            case "PublishBundle":
                return dict(publish(Bundle.load(self._bundle), BUCKET, s3))
            case "FindPackage":
                given = event["release"], event["bundle"]
                return find_package(*given, ENDPOINT, BUCKET, sagemaker, s3)
            case "EnsureImage":
                settings = ImageBuildSettings(
                    ServingImage("", "uri"), "kennel/serving", PROJECT, BUCKET
                )
                return ensure_image(
                    execution, event["bundle"], settings, account.ecr, account.codebuild
                )
            case "StartTuning" | "StartTraining":
                space = read_search_space(s3, BUCKET, event["bundle"]["prefix"])
                job = Job.from_event(event)
                if name == "StartTuning":
                    tune = event["checked"]["tune"]
                    return start_tuning(job, tune, space, TRAINING, sagemaker)
                return start_training(job, event["tuned"], space, TRAINING, sagemaker)
            case "Judge":
                job_name = event["training"]["job_name"]
                return judge_package(s3, BUCKET, job_name, AcceptanceCriteria(0.7, 0.02))
            case "Register":
                return register(execution, event["judgement"], event["image"], ENDPOINT, sagemaker)
            case "Release":
                return release(
                    ReleaseRequest.from_event(event),
                    self.release_settings,
                    sagemaker,
                    autoscaling=autoscaling,
                    s3=s3,
                )
            case "SmokeTest" if event.get("probe"):
                return probe(event, ENDPOINT, BUCKET, runtime=account.runtime, s3=s3)
            case "SmokeTest":
                return smoke_test(
                    event, ENDPOINT, BUCKET, sagemaker=sagemaker, runtime=account.runtime, s3=s3
                )
            case "PublishBreeds":
                return publish_breeds(sagemaker, s3, ENDPOINT, BUCKET)
            case "ApplyAutoscaling" if self.release_settings.serverless:
                return remove(ENDPOINT, autoscaling)
            case "ApplyAutoscaling" if event.get("refresh"):
                return refresh(ENDPOINT, self.scaling, autoscaling, sagemaker)
            case "ApplyAutoscaling":
                return apply(ENDPOINT, self.scaling, autoscaling)
            case "CleanUp":
                clients = Clients(sagemaker, autoscaling, account.codebuild, s3)
                return clean_up(execution, CleanUpSettings(ENDPOINT, BUCKET, PROJECT), clients)
        raise AssertionError(f"the state machine invokes {name}, which is no function")

    def describe(self, name: str, request: Json) -> Json:
        """Answer a describe call of the state machine itself."""
        match name:
            case "DescribeEndpoint":
                return dict(self.account.sagemaker.describe_endpoint(**request))
            case "DescribeTrainingJob":
                return dict(self.account.sagemaker.describe_training_job(**request))
            case "DescribeHyperParameterTuningJob":
                job = self.account.sagemaker.describe_hyper_parameter_tuning_job(**request)
                return dict(job)
            case "ListTrainingJobsForHyperParameterTuningJob":
                listed = self.account.sagemaker.list_training_jobs_for_hyper_parameter_tuning_job(
                    **request
                )
                return dict(listed)
        raise AssertionError(f"the state machine calls {name}, which is not emulated here")


def small_bundle(folder: Path) -> Path:
    """Write a valid bundle, whose package has no model."""
    files = {
        "source.tar.gz": b"no source",
        "model.tar.gz": package(**{"breeds.json": b'[{"breed": "Pug"}, {"breed": "Boxer"}]'}),
        "smoke.jpg": b"a jpeg",
        "breeds.json": b"[]",
        "search_space.json": json.dumps(SPACE).encode(),
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)
    manifest = {
        "hash": "0123456789abcdef0123",
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
        "smoke": {"breed": "Bull Mastiff"},
    }
    (folder / "bundle.json").write_text(json.dumps(manifest))
    return folder
