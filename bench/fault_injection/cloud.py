"""Run, kill and inspect a `kennel up` that keeps its state in a folder of its own."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from fault_injection.expectations import WAIT_SECONDS, expect, wait_until
from kennel.cloud.runtime.clients import client
from kennel.cloud.runtime.processes import descendants, free_ports
from kennel.paths import STATE
from kennel.running_cloud import CloudAddress

VARIANT = "AllTraffic"  # of the endpoint, the only one


class KennelUp:
    """Runs `kennel up` as a child process, which tests kill and restart on the same port.

    Parameters
    ----------
    folder
        Where it keeps its state.
    options
        Of `kennel up`.
    """

    def __init__(self, folder: Path, *options: str) -> None:
        self._options = options
        self.state = folder / "state"
        self._env = {**os.environ, "COLUMNS": "1000", "KENNEL_STATE": str(folder)}
        self._printed = folder / "printed"
        (self._port,) = free_ports(1)
        for name in ("build", "cache"):  # the same for every state, and slow to make
            (STATE / name).mkdir(parents=True, exist_ok=True)
            (folder / name).symlink_to(STATE / name)
        self.address = CloudAddress("", "")
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start it, and wait until it has printed its address."""
        output = self._begin().stdout
        assert output
        line = output.readline()
        expect(line, f"`kennel up` did not start: {self.printed()}")
        self.address = CloudAddress(**json.loads(line))

    def wait(self, begin: bool = False) -> int:
        """Wait until its process ends, and return the exit status; with `begin`, start it first."""
        process = self._begin() if begin else self._running()
        return process.wait(WAIT_SECONDS)

    def _begin(self) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "kennel.cli", "up", "--json", "--port", str(self._port)]
        command += self._options
        with self._printed.open("wb") as errors:
            self._process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=errors, env=self._env, text=True
            )
        return self._process

    def _running(self) -> "subprocess.Popen[str]":
        assert self._process
        return self._process

    @property
    def pid(self) -> int:
        """The id of its process."""
        return self._running().pid

    def printed(self) -> str:
        """Return what this run of `kennel up` has written to standard error."""
        return self._printed.read_text()

    def terminate(self) -> None:
        """Send it SIGTERM, without waiting for its end."""
        self._running().terminate()

    def kill(self) -> None:
        """Kill it and all its child processes as if at once, as a power cut does.

        They are stopped first, so that none can react to the end of another.
        """
        if not self._process:
            return
        pids = [self._process.pid, *descendants(self._process.pid)]
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for pid in pids:
                try:
                    os.kill(pid, number)
                except ProcessLookupError:
                    continue
        self._process.wait()

    def pids(self, word: str) -> list[int]:
        """Return the ids of its child processes whose command line contains this word."""
        pids = []
        for pid in descendants(self._running().pid):
            try:
                command = Path(f"/proc/{pid}/cmdline").read_text()
            except OSError:  # it has ended
                continue
            if word in command:
                pids.append(pid)
        return pids

    def one_pid(self, word: str) -> int:
        """Return the id of its one child process whose command line contains a word."""
        pids = self.pids(word)
        expect(len(pids) == 1, f"{len(pids)} processes {word}, expected one")
        return pids[0]

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """Send a request to a path below /kennel/, with the token; return the answer's JSON."""
        return self.address.control(method, path, body).raise_for_status().json()

    def not_well(self) -> list[str]:
        """Return the names of the parts that /kennel/health reports as not well."""
        return list(self.control("GET", "health")["not_well"])

    def aws(self, service: str) -> Any:
        """Return a boto3 client of this cloud."""
        return client(service, self.address.aws_url)

    def update_stack(self, **parameters: str) -> None:
        """Change parameters of the stack, and wait until CloudFormation has made the update."""
        formation = self.aws("cloudformation")
        (stack,) = formation.describe_stacks(StackName="kennel")["Stacks"]
        names = [each["ParameterKey"] for each in stack["Parameters"]]
        formation.update_stack(
            StackName="kennel",
            UsePreviousTemplate=True,
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
            Parameters=[
                {"ParameterKey": each, "ParameterValue": parameters[each]}
                if each in parameters
                else {"ParameterKey": each, "UsePreviousValue": True}
                for each in names
            ],
        )
        formation.get_waiter("stack_update_complete").wait(
            StackName="kennel", WaiterConfig={"Delay": 1, "MaxAttempts": int(WAIT_SECONDS)}
        )

    def scale_between(self, minimum: int, maximum: int) -> None:
        """Register the endpoint's variant for scaling between two numbers of instances."""
        self.aws("application-autoscaling").register_scalable_target(
            ServiceNamespace="sagemaker",
            ResourceId=f"endpoint/kennel/variant/{VARIANT}",
            ScalableDimension="sagemaker:variant:DesiredInstanceCount",
            MinCapacity=minimum,
            MaxCapacity=maximum,
        )

    def machine(self, name: str) -> str:
        """Return the ARN of the state machine whose name contains this."""
        machines = self.aws("stepfunctions").list_state_machines()["stateMachines"]
        return str(next(e["stateMachineArn"] for e in machines if name in e["name"]))

    def execute(self, given: str = "{}") -> str:
        """Start an execution; return its ARN."""
        machine = self.machine("TrainAndDeploy")
        started = self.aws("stepfunctions").start_execution(stateMachineArn=machine, input=given)
        return str(started["executionArn"])

    def execution(self, arn: str) -> dict[str, Any]:
        """Return an execution's description."""
        return dict(self.aws("stepfunctions").describe_execution(executionArn=arn))

    def execute_until_update(self) -> str:
        """Start an execution, and wait until it updates the endpoint; return its ARN."""
        arn = self.execute()
        wait_until(lambda: self.endpoint()["EndpointStatus"] == "Updating", "update")
        return arn

    def stop_execution(self, arn: str) -> None:
        """Stop an execution as a person does."""
        states = self.aws("stepfunctions")
        states.stop_execution(executionArn=arn, error="Stopped", cause="by hand")

    def wait_for_end(self, arn: str) -> dict[str, Any]:
        """Wait until an execution has ended; return its description."""
        wait_until(lambda: self.execution(arn)["status"] != "RUNNING", "end of the execution")
        return self.execution(arn)

    def wait_for_success(self, arn: str) -> None:
        """Wait until an execution has ended; raise NotAsExpectedError unless it succeeded."""
        ended = self.wait_for_end(arn)
        expect(ended["status"] == "SUCCEEDED", f"{ended['status']}: {ended.get('cause')}")

    def release(self) -> str:
        """Run an execution, which must succeed; return a phrase with its duration."""
        began = time.monotonic()
        self.wait_for_success(self.execute())
        return f"an execution succeeds ({time.monotonic() - began:.0f} s)"

    def endpoint(self) -> dict[str, Any]:
        """Return the endpoint's description."""
        return dict(self.aws("sagemaker").describe_endpoint(EndpointName="kennel"))

    def scales(self) -> bool:
        """Return whether the endpoint is registered for scaling."""
        scaling = self.aws("application-autoscaling")
        answer = scaling.describe_scalable_targets(ServiceNamespace="sagemaker")
        return bool(answer["ScalableTargets"])

    def function(self, word: str) -> dict[str, Any]:
        """Return the configuration of the Lambda function whose name contains `word`."""
        listed = self.aws("lambda").list_functions()["Functions"]
        return next(each for each in listed if word in each["FunctionName"])

    def configure(self, function: str, **settings: Any) -> None:
        """Change a function's configuration."""
        awslambda = self.aws("lambda")
        awslambda.update_function_configuration(FunctionName=function, **settings)
        awslambda.get_waiter("function_updated_v2").wait(FunctionName=function)

    def keep_state(self, copy: Path) -> None:
        """Copy the state folder to `copy`."""
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(self.state, copy)

    def put_back(self, copy: Path) -> None:
        """Replace the content of the state folder by that of `copy`."""
        for path in self.state.iterdir():  # the folder may be a file system of its own
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        shutil.copytree(copy, self.state, dirs_exist_ok=True)
